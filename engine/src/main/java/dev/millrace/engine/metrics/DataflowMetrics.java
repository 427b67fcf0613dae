package dev.millrace.engine.metrics;

import java.util.List;
import java.util.Map;

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

    /** One entry per stateful operator and task. */
    List<OperatorSample> operators();

    /** The lowest watermark that any stage has, or {@link Long#MIN_VALUE} while there is none. */
    long watermarkMicros();

    LatencyRecorder latency();

    /** The counters of one operator in one task. */
    record OperatorSample(int stageId, int operatorIndex, int taskIndex, String name, OperatorMetrics metrics) {}
}
