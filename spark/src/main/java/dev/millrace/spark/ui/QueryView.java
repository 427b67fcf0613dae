package dev.millrace.spark.ui;

import dev.millrace.engine.metrics.DataflowMetrics.PartitionSample;
import dev.millrace.engine.metrics.WatermarkMetrics;
import dev.millrace.spark.metrics.DataflowSample;
import dev.millrace.spark.metrics.EpochFigures;
import dev.millrace.spark.metrics.FailureFigures;
import dev.millrace.spark.metrics.QueryFigures;
import dev.millrace.spark.metrics.StageShape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What the page of one query shows; written as JSON by its components' names.
 *
 * @param isHistory whether it is read from an event log, which tells of no stages, partitions, settings and plans
 * @param loops for the name of each thread, the share of the time in which it worked, from 0 to 1
 * @param partitions of all sources
 * @param settings those in force, by name
 */
record QueryView(
        long nowMillis,
        boolean isHistory,
        QueriesView.Row query,
        List<Stage> stages,
        List<Edge> edges,
        Map<String, Double> loops,
        List<QueryFigures.Point> points,
        List<EpochFigures> epochs,
        List<QueryFigures.Recovery> recoveries,
        List<FailureFigures> failures,
        List<DataflowSample.StateOperator> operators,
        List<Partition> partitions,
        Map<String, String> settings,
        String plan) {

    /** @param kind what its tasks do: reading, operating, pulling or writing */
    record Stage(
            int id,
            String name,
            String kind,
            List<String> operators,
            long rows,
            double rowsPerSecond,
            double busy,
            double backPressured,
            List<Task> tasks) {}

    /** @param watermarkMillis null without a watermark */
    record Task(
            int index,
            String loop,
            long rows,
            double rowsPerSecond,
            double busy,
            double backPressured,
            @Nullable Long watermarkMillis) {}

    /** @param how the kind of exchange, such as {@code hash(card)} */
    record Edge(
            int from,
            int to,
            String side,
            String how,
            long rows,
            double rowsPerSecond,
            double meanFill,
            double maxFill) {}

    /** @param maxEventTimeMillis null without a watermark, or before the first row */
    record Partition(int stageId, int index, double queueFill, @Nullable Long maxEventTimeMillis, boolean isIdle) {}

    /** @param since what of the history came after that moment */
    static QueryView of(QueryFigures query, long since) {
        long now = System.currentTimeMillis();
        DataflowSample sample = query.latest();
        return new QueryView(
                now,
                false,
                QueriesView.Row.of(query, now),
                stages(query.stages(), sample),
                edges(query.stages(), sample),
                sample == null ? Map.of() : loops(sample),
                query.pointsSince(since),
                query.epochs(),
                query.recoveries(),
                query.failures(),
                sample == null ? List.of() : sample.operators(),
                sample == null
                        ? List.of()
                        : sample.partitions().stream().map(QueryView::partition).toList(),
                query.identity().settings(),
                query.plan());
    }

    private static List<Stage> stages(List<StageShape> shapes, @Nullable DataflowSample sample) {
        List<Stage> stages = new ArrayList<>();
        for (StageShape stage : shapes) {
            List<DataflowSample.Task> tasks = sample == null ? List.of() : sample.tasksOf(stage.id());
            stages.add(new Stage(
                    stage.id(),
                    stage.name(),
                    stage.kind().text(),
                    stage.operators(),
                    tasks.stream().mapToLong(DataflowSample.Task::rows).sum(),
                    sample == null ? 0 : sample.rowsPerSecond(stage.id()),
                    sample == null ? 0 : sample.busy(stage.id()),
                    sample == null ? 0 : sample.backPressured(stage.id()),
                    tasks.stream().map(QueryView::task).toList()));
        }
        return stages;
    }

    private static Task task(DataflowSample.Task task) {
        return new Task(
                task.taskIndex(),
                task.loop(),
                task.rows(),
                task.rowsPerSecond(),
                task.busy(),
                task.backPressured(),
                millis(task.watermarkMicros()));
    }

    private static List<Edge> edges(List<StageShape> shapes, @Nullable DataflowSample sample) {
        List<Edge> edges = new ArrayList<>();
        for (StageShape stage : shapes) {
            for (int i = 0; i < stage.inputs().size(); i++) {
                StageShape.Input input = stage.inputs().get(i);
                DataflowSample.Exchange exchange = exchange(sample, stage.id(), i);
                edges.add(new Edge(
                        input.stageId(),
                        stage.id(),
                        input.side(),
                        input.how(),
                        exchange.rows(),
                        exchange.rowsPerSecond(),
                        exchange.meanFill(),
                        exchange.maxFill()));
            }
        }
        return edges;
    }

    private static DataflowSample.Exchange exchange(@Nullable DataflowSample sample, int stageId, int inputIndex) {
        DataflowSample.Exchange nothing = new DataflowSample.Exchange(stageId, inputIndex, 0, 0, 0, 0);
        return sample == null
                ? nothing
                : sample.exchanges().stream()
                        .filter(one -> one.stageId() == stageId && one.inputIndex() == inputIndex)
                        .findFirst()
                        .orElse(nothing);
    }

    private static Map<String, Double> loops(DataflowSample sample) {
        Map<String, Double> loops = new TreeMap<>();
        sample.tasks().forEach(task -> loops.merge(task.loop(), task.busy(), Double::sum));
        loops.replaceAll((name, busy) -> Math.min(1, busy));
        return loops;
    }

    private static Partition partition(PartitionSample sample) {
        WatermarkMetrics.@Nullable Partition watermark = sample.watermark();
        return new Partition(
                sample.stageId(),
                sample.partitionIndex(),
                sample.queueFill(),
                watermark == null ? null : millis(watermark.maxEventTimeMicros()),
                watermark != null && watermark.isIdle());
    }

    private static @Nullable Long millis(long micros) {
        return micros == Long.MIN_VALUE ? null : Math.floorDiv(micros, 1_000L);
    }
}
