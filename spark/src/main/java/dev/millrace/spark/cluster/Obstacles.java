package dev.millrace.spark.cluster;

import java.util.Optional;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.execution.streaming.sources.ContinuousMemorySink;
import org.apache.spark.util.Clock;
import org.apache.spark.util.SystemClock;

/** What keeps a query in the driver's process, because a part of it shares memory with the driver. */
public final class Obstacles {
    private Obstacles() {}

    /**
     * Why a query may not run on workers elsewhere, nor on more than one, in words that go on behind "because";
     * empty where it may.
     *
     * @param clock what triggers go by
     */
    public static Optional<String> of(Table sink, Clock clock) {
        if (sink instanceof ContinuousMemorySink) {
            return Optional.of("sink=%s has a write of its own for each epoch, which the driver makes".formatted(sink));
        }
        if (!(clock instanceof SystemClock)) {
            return Optional.of(
                    "clock=%s is the driver's".formatted(clock.getClass().getSimpleName()));
        }
        return Optional.empty();
    }
}
