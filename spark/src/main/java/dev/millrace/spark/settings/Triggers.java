package dev.millrace.spark.settings;

/** The triggers whose queries run on Millrace. */
public enum Triggers {
    /** {@code Trigger.RealTime} alone. */
    REAL_TIME,
    /** Also those of micro-batches: {@code ProcessingTime}, {@code AvailableNow}, {@code Once}, and none. */
    ALL
}
