package dev.millrace.spark.plan;

import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.operator.EpochTime;
import org.jspecify.annotations.Nullable;

/**
 * What of a query's settings shapes its dataflow.
 *
 * @param emission how often a changed key gives a row in update mode
 * @param watermarkIdleNanos after how long without rows an input partition holds no watermark back;
 *     units: nanoseconds
 * @param taskCount tasks per stage
 * @param epochTime the time and watermark of bounded epochs, or null where epochs are continuous
 */
public record PlanSettings(Emission emission, long watermarkIdleNanos, int taskCount, @Nullable EpochTime epochTime) {}
