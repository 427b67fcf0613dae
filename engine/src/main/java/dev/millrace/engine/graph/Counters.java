package dev.millrace.engine.graph;

import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.engine.metrics.LatencyRecorder;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.metrics.RowCount;
import dev.millrace.engine.task.WritingTask;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The counters of one dataflow: filled while it is assembled, then only read. */
final class Counters implements DataflowMetrics {
    private final Map<Integer, List<RowCount>> read = new HashMap<>();
    private final Map<Integer, List<RowCount>> written = new HashMap<>();
    private final List<OperatorSample> operators = new ArrayList<>();
    private final List<WritingTask> writers = new ArrayList<>();
    private final LatencyRecorder latency = new LatencyRecorder();

    RowCount read(int stageId) {
        return added(read, stageId);
    }

    RowCount written(int stageId) {
        return added(written, stageId);
    }

    OperatorMetrics operator(int stageId, int operatorIndex, int taskIndex, String name) {
        OperatorMetrics metrics = new OperatorMetrics();
        operators.add(new OperatorSample(stageId, operatorIndex, taskIndex, name, metrics));
        return metrics;
    }

    void writer(WritingTask task) {
        writers.add(task);
    }

    private static RowCount added(Map<Integer, List<RowCount>> counts, int stageId) {
        RowCount count = new RowCount();
        counts.computeIfAbsent(stageId, id -> new ArrayList<>()).add(count);
        return count;
    }

    @Override
    public Map<Integer, Long> rowsRead() {
        return totals(read);
    }

    @Override
    public Map<Integer, Long> rowsWritten() {
        return totals(written);
    }

    private static Map<Integer, Long> totals(Map<Integer, List<RowCount>> counts) {
        Map<Integer, Long> totals = new HashMap<>();
        counts.forEach((stage, list) ->
                totals.put(stage, list.stream().mapToLong(RowCount::total).sum()));
        return totals;
    }

    @Override
    public List<OperatorSample> operators() {
        return List.copyOf(operators);
    }

    @Override
    public long watermarkMicros() {
        return writers.stream().mapToLong(WritingTask::watermark).min().orElse(Long.MIN_VALUE);
    }

    @Override
    public LatencyRecorder latency() {
        return latency;
    }
}
