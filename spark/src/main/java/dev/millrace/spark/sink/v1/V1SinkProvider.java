package dev.millrace.spark.sink.v1;

import dev.millrace.spark.sink.WriteProvider;
import dev.millrace.spark.sink.WriteRequest;
import java.util.Optional;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;
import org.apache.spark.sql.execution.streaming.Sink;
import org.apache.spark.sql.execution.streaming.sinks.FileStreamSink;

/** Writes to every sink that takes batches, but for files, which are written without. Thread: any. */
public final class V1SinkProvider implements WriteProvider {
    @Override
    public boolean writesTo(Table sink) {
        return sink instanceof Sink && !(sink instanceof FileStreamSink);
    }

    @Override
    public Optional<StreamingWrite> streamingWrite(WriteRequest request) {
        return writesTo(request.sink()) ? Optional.of(new V1Write(request, (Sink) request.sink())) : Optional.empty();
    }
}
