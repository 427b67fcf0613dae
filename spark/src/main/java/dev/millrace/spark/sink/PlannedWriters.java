package dev.millrace.spark.sink;

import dev.millrace.engine.sink.PlannedSink;
import dev.millrace.engine.sink.SinkWriter;

/**
 * The writers of one of Spark's streaming writes, for one attempt of a query.
 *
 * @param fieldCount columns of a row
 */
record PlannedWriters(String name, int fieldCount, WriterFactories factories) implements PlannedSink {
    @Override
    public SinkWriter writer(int taskIndex, int taskCount) {
        return new SparkSinkWriter(this, taskIndex);
    }
}
