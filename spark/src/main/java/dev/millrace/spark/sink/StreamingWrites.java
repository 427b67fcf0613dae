package dev.millrace.spark.sink;

import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.function.Supplier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;
import org.apache.spark.sql.execution.streaming.Sink;

/** Chooses the streaming write of a query: one of Millrace's own, or else the connector's. Thread: any. */
public final class StreamingWrites {
    private static final List<WriteProvider> PROVIDERS =
            ServiceLoader.load(WriteProvider.class, WriteProvider.class.getClassLoader()).stream()
                    .map(ServiceLoader.Provider::get)
                    .toList();

    private StreamingWrites() {}

    /** What explain and errors call a sink. A V1 sink has no name of its own. */
    public static String nameOf(Table sink) {
        return sink instanceof Sink ? sink.toString() : sink.name();
    }

    /** Whether Millrace writes to a sink for which the connector has no streaming write. */
    public static boolean writesTo(Table sink) {
        return PROVIDERS.stream().anyMatch(provider -> provider.writesTo(sink));
    }

    /** The write of Millrace's own, or what {@code connector} gives. */
    public static StreamingWrite of(WriteRequest request, Supplier<StreamingWrite> connector) {
        for (WriteProvider provider : PROVIDERS) {
            Optional<StreamingWrite> write = provider.streamingWrite(request);
            if (write.isPresent()) {
                return write.get();
            }
        }
        StreamingWrite write = connector.get();
        for (WriteProvider provider : PROVIDERS) {
            write = provider.over(write, request);
        }
        return write;
    }
}
