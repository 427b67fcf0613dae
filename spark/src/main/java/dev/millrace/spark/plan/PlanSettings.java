package dev.millrace.spark.plan;

import dev.millrace.engine.operator.Emission;

/**
 * What of a query's settings shapes its dataflow.
 *
 * @param emission how often a changed key gives a row in update mode
 * @param watermarkIdleNanos after how long without rows an input partition holds no watermark back;
 *     units: nanoseconds
 * @param isBounded whether epochs are bounded, so that all of one has one time and one watermark
 */
public record PlanSettings(Emission emission, long watermarkIdleNanos, boolean isBounded) {}
