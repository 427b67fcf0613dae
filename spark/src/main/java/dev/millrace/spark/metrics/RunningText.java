package dev.millrace.spark.metrics;

import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** Says in a few lines of text what a dataflow does at the moment, behind the plans that {@code explain} prints. */
public final class RunningText {
    private static final double PERCENT = 100.0;

    private RunningText() {}

    /** A heading, the query's figures, a line for each stage, and one for each stateful operator. */
    public static String of(QueryFigures query) {
        StringBuilder text = new StringBuilder("== Running ==\n");
        DataflowSample sample = query.latest();
        line(text, "state=%s, epoch=%d, recoveries=%d", query.state(), query.epochUnderWay(), query.recoveryCount());
        if (sample == null) {
            return text.append("No sample yet: the first comes a second after the start.\n")
                    .toString();
        }
        DataflowSample.Latency latency = sample.latency();
        line(
                text,
                "rows a second: read=%.1f, written=%.1f; latency ms: p50=%.2f, p95=%.2f, p99=%.2f, max=%.2f",
                sample.rowsReadPerSecond(),
                sample.rowsWrittenPerSecond(),
                latency.p50(),
                latency.p95(),
                latency.p99(),
                latency.max());
        if (sample.watermarkMicros() != Long.MIN_VALUE) {
            line(
                    text,
                    "watermark lag: %.1f s",
                    DataflowSource.lagMillis(sample.watermarkMicros(), sample.timeMillis())
                            / (double) TimeUnit.SECONDS.toMillis(1));
        }
        stages(text, sample, query.stages());
        for (DataflowSample.StateOperator operator : sample.operators()) {
            line(
                    text,
                    "state of stage %d, %s: rows=%d, bytes=%d, late rows=%d",
                    operator.stageId(),
                    operator.name(),
                    operator.state().rows(),
                    operator.state().memoryBytes(),
                    operator.late());
        }
        return text.toString();
    }

    private static void stages(StringBuilder text, DataflowSample sample, List<StageShape> stages) {
        line(
                text,
                "%-8s %12s %14s %7s %16s %11s",
                "stage",
                "rows",
                "rows a second",
                "busy %",
                "back-pressured %",
                "queue %");
        for (int i = stages.size() - 1; i >= 0; i--) {
            int id = stages.get(i).id();
            line(
                    text,
                    "%-8d %12d %14.1f %7.1f %16.1f %11.1f",
                    id,
                    sample.tasksOf(id).stream()
                            .mapToLong(DataflowSample.Task::rows)
                            .sum(),
                    sample.rowsPerSecond(id),
                    PERCENT * sample.busy(id),
                    PERCENT * sample.backPressured(id),
                    PERCENT * sample.queueFill(id));
        }
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
