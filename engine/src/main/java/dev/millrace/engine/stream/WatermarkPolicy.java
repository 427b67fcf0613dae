package dev.millrace.engine.stream;

/**
 * How watermarks that were found in different places of a query become one where their rows meet.
 *
 * <p>Source: Spark's MultipleWatermarkPolicy.
 */
public enum WatermarkPolicy {
    /** The least: no row is late that is not behind its own watermark. */
    LEAST,

    /** The greatest: rows of a slow input may be late by the watermark of a faster one. */
    GREATEST
}
