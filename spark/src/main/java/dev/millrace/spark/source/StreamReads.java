package dev.millrace.spark.source;

import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.function.Supplier;

/** Chooses what reads a stream: readers of Millrace's own, or else the connector's. Thread: any. */
final class StreamReads {
    private static final List<ReadProvider> PROVIDERS =
            ServiceLoader.load(ReadProvider.class, ReadProvider.class.getClassLoader()).stream()
                    .map(ServiceLoader.Provider::get)
                    .toList();

    private StreamReads() {}

    /** What reads a stream whose readers never end. */
    static ReaderPlanner of(ReadRequest request, Supplier<ReaderPlanner> connector) {
        for (ReadProvider provider : PROVIDERS) {
            Optional<ReaderPlanner> readers = provider.readers(request);
            if (readers.isPresent()) {
                return readers.get();
            }
        }
        return connector.get();
    }

    /** What of Millrace's own reads a stream's portions; empty where its connector does. */
    static Optional<PortionReads> ofPortions(ReadRequest request) {
        return PROVIDERS.stream()
                .flatMap(provider -> provider.portions(request).stream())
                .findFirst();
    }
}
