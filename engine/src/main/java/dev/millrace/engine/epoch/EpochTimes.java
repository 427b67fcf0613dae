package dev.millrace.engine.epoch;

/**
 * When the parts of an epoch's end were done.
 *
 * <p>Units: {@link System#nanoTime}.
 *
 * @param requestedNanos its barrier was asked for
 * @param alignedNanos the last task, but for writing ones, had taken it
 * @param preparedNanos the last writing task had prepared its rows
 * @param storedNanos its state was on storage; as {@code alignedNanos} where no state is kept
 */
public record EpochTimes(long requestedNanos, long alignedNanos, long preparedNanos, long storedNanos) {}
