package dev.millrace.engine.metrics;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a running dataflow counts.
 *
 * <p>Thread: any.
 */
public interface DataflowMetrics {
    /** Rows read so far, for each reading stage's id. */
    Map<Integer, Long> rowsRead();

    /** Rows written so far, for each writing stage's id. */
    Map<Integer, Long> rowsWritten();

    /** One entry per stateful operator and task, as it is now. */
    List<OperatorSample> operators();

    /**
     * One entry per task, as it is now.
     *
     * @param nowNanos up to when the phase under way counts
     */
    List<TaskSample> tasks(long nowNanos);

    /** One entry per exchange, as it is now. */
    List<ExchangeSample> exchanges();

    /** One entry per source partition, as it is now. */
    List<PartitionSample> partitions();

    /** The event times of the rows of an epoch, by the first stage that finds a watermark in any of them. */
    EventTimes eventTimes(long epoch);

    /** The lowest watermark that any writing task has, or {@link Long#MIN_VALUE} while there is none. */
    long watermarkMicros();

    LatencyRecorder latency();

    /** What one operator in one task has counted so far. */
    record OperatorSample(
            int stageId,
            int operatorIndex,
            int taskIndex,
            String name,
            StateSize state,
            long rowsUpdated,
            long rowsRemoved,
            long rowsDroppedByWatermark,
            long rowsDroppedAsDuplicates) {}

    /**
     * What one task has counted so far.
     *
     * @param loop the name of the thread that steps it
     * @param rowsTaken see {@link TaskMetrics#rowsTaken}
     * @param watermarkMicros see {@link TaskMetrics#watermarkMicros}
     */
    record TaskSample(
            int stageId, int taskIndex, String loop, long rowsTaken, StepClock.Times times, long watermarkMicros) {}

    /**
     * All channels of an edge.
     *
     * @param inputIndex which of the consuming stage's inputs it is
     * @param rows handed on so far; a row that goes to several tasks counts for each
     * @param meanFill how full its channels are, from 0 to 1
     * @param maxFill how full the fullest one is
     */
    record ExchangeSample(int stageId, int inputIndex, long rows, double meanFill, double maxFill) {}

    /**
     * One source partition.
     *
     * @param queueFill how full the queue between its reader and its task is, from 0 to 1
     * @param watermark how far it has come in event time, or null where no watermark is found in its rows
     */
    record PartitionSample(
            int stageId, int partitionIndex, double queueFill, WatermarkMetrics.@Nullable Partition watermark) {}
}
