package dev.millrace.spark.metrics;

import dev.millrace.engine.metrics.DataflowMetrics.PartitionSample;
import dev.millrace.engine.metrics.StateSize;
import java.util.List;

/**
 * A dataflow at one moment; rates and shares are of the time since the sample before.
 *
 * @param timeMillis the moment
 * @param rowsReadPerSecond over all sources
 * @param rowsWrittenPerSecond over all sinks
 * @param watermarkMicros the lowest that any sink has, or {@link Long#MIN_VALUE}
 */
public record DataflowSample(
        long timeMillis,
        double rowsReadPerSecond,
        double rowsWrittenPerSecond,
        Latency latency,
        long watermarkMicros,
        List<Task> tasks,
        List<Exchange> exchanges,
        List<PartitionSample> partitions,
        List<StateOperator> operators) {

    /** From a row's reading to the moment after the sink took it. Units: milliseconds; of no rows all are 0. */
    public record Latency(long count, double p50, double p95, double p99, double max) {}

    /**
     * One task.
     *
     * @param loop the name of the thread that steps it
     * @param rows taken so far
     * @param busy its share of the time, from 0 to 1
     * @param backPressured the share in which its output was full; what is neither is idle
     */
    public record Task(
            int stageId,
            int taskIndex,
            String loop,
            long rows,
            double rowsPerSecond,
            double busy,
            double backPressured,
            long watermarkMicros) {}

    /** All channels of an edge; see {@link dev.millrace.engine.metrics.DataflowMetrics.ExchangeSample}. */
    public record Exchange(
            int stageId, int inputIndex, long rows, double rowsPerSecond, double meanFill, double maxFill) {}

    /** A stateful operator over all its tasks; what is counted, is counted since the dataflow began. */
    public record StateOperator(
            int stageId,
            int operatorIndex,
            String name,
            int tasks,
            StateSize state,
            long updated,
            long removed,
            long late,
            long duplicates) {}

    /** The tasks of one stage. */
    public List<Task> tasksOf(int stageId) {
        return tasks.stream().filter(task -> task.stageId() == stageId).toList();
    }

    /** The mean over the tasks of one stage. */
    public double busy(int stageId) {
        return tasksOf(stageId).stream().mapToDouble(Task::busy).average().orElse(0);
    }

    /** The mean over the tasks of one stage. */
    public double backPressured(int stageId) {
        return tasksOf(stageId).stream()
                .mapToDouble(Task::backPressured)
                .average()
                .orElse(0);
    }

    /** The sum over the tasks of one stage. */
    public double rowsPerSecond(int stageId) {
        return tasksOf(stageId).stream().mapToDouble(Task::rowsPerSecond).sum();
    }

    /** How full the fullest input channel of one stage is; of a source, the fullest queue of a partition. */
    public double queueFill(int stageId) {
        double channels = exchanges.stream()
                .filter(exchange -> exchange.stageId() == stageId)
                .mapToDouble(Exchange::maxFill)
                .max()
                .orElse(0);
        double queues = partitions.stream()
                .filter(partition -> partition.stageId() == stageId)
                .mapToDouble(PartitionSample::queueFill)
                .max()
                .orElse(0);
        return Math.max(channels, queues);
    }

    /** All keyed state of the dataflow. */
    public StateSize state() {
        return operators.stream().map(StateOperator::state).reduce(StateSize.NONE, StateSize::plus);
    }

    public long lateRows() {
        return operators.stream().mapToLong(StateOperator::late).sum();
    }
}
