package dev.millrace.spark.plan;

/**
 * What of a query's settings shapes its dataflow.
 *
 * @param everyChange whether update mode emits a row for every change, instead of at most one per
 *     key and page
 * @param watermarkIdleNanos after how long without rows an input partition holds no watermark back;
 *     units: nanoseconds
 * @param taskCount tasks per stage
 */
public record PlanSettings(boolean everyChange, long watermarkIdleNanos, int taskCount) {}
