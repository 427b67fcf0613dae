package dev.millrace.spark.sink;

import dev.millrace.spark.fragment.TaskCopies;
import java.io.Serializable;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;

/**
 * Where a task gets what makes its data writers. Every task has a copy of its own, as on an executor: a {@code
 * ForeachWriter} keeps its connection in fields.
 *
 * <p>Thread: a writer's, whose context class loader sees the user's classes.
 */
sealed interface WriterFactories extends Serializable {
    StreamingDataWriterFactory of(long epoch);

    /** Whether the factory of one epoch serves all that follow. */
    boolean areShared();

    /** Those of a write that serves all epochs. */
    record OfAllEpochs(TaskCopies<StreamingDataWriterFactory> factories) implements WriterFactories {
        @Override
        public StreamingDataWriterFactory of(long epoch) {
            return factories.copy();
        }

        @Override
        public boolean areShared() {
            return true;
        }
    }

    /** Those of a sink that has a write for each epoch: asked for in the driver, where such a query runs alone. */
    record OfEachEpoch(SparkSink sink) implements WriterFactories {
        @Override
        public StreamingDataWriterFactory of(long epoch) {
            return sink.factoryOf(epoch, Thread.currentThread().getContextClassLoader());
        }

        @Override
        public boolean areShared() {
            return false;
        }
    }
}
