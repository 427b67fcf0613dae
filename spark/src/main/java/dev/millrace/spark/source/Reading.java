package dev.millrace.spark.source;

/** How a query reads its sources. */
public enum Reading {
    /** As rows come: by readers that never end where the stream has any, else in portions as it is polled. */
    REAL_TIME,
    /** In portions that are handed in, one for each epoch at most. */
    BOUNDED
}
