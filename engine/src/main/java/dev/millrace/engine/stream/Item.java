package dev.millrace.engine.stream;

import dev.millrace.engine.page.Page;

/** What travels in a channel, in order: rows and the marks between them. */
public sealed interface Item {

    /** A page of rows. */
    record Rows(Page page) implements Item {}

    /**
     * Separates the rows of {@code epoch} from those of the next one on one channel.
     *
     * @param watermarkMicros in a bounded epoch the watermark that its end brings, or {@link
     *     #NO_WATERMARK}; in a continuous one always that, because watermarks move with the rows
     */
    record Barrier(long epoch, long watermarkMicros) implements Item {
        /** Rows that no watermark is assigned to, or whose watermarks have moved before. */
        public static final long NO_WATERMARK = Long.MIN_VALUE;

        public Barrier(long epoch) {
            this(epoch, NO_WATERMARK);
        }
    }

    /**
     * No later row of this channel is meant to have an event time at or before {@code micros}; one
     * that has is late.
     *
     * <p>Units: microseconds since 1970-01-01T00:00:00Z, as in Spark's timestamps.
     */
    record Watermark(long micros) implements Item {}

    /** The channel has no rows for now and holds no watermark back, until its next row or watermark. */
    record Idle() implements Item {
        public static final Idle INSTANCE = new Idle();
    }
}
