package dev.millrace.spark.sink.file;

import dev.millrace.spark.sink.WriteProvider;
import dev.millrace.spark.sink.WriteRequest;
import java.util.Optional;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;
import org.apache.spark.sql.execution.streaming.sinks.FileStreamSink;

/** Writes Spark's file formats. Thread: any. */
public final class FileSinkProvider implements WriteProvider {
    @Override
    public boolean writesTo(Table sink) {
        return sink instanceof FileStreamSink;
    }

    @Override
    public Optional<StreamingWrite> streamingWrite(WriteRequest request) {
        return request.sink() instanceof FileStreamSink sink
                ? Optional.of(FileWrite.of(request, FileSinkParts.of(sink)))
                : Optional.empty();
    }
}
