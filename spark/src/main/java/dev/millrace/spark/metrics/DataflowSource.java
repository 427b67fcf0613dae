package dev.millrace.spark.metrics;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.apache.spark.metrics.source.Source;

/**
 * A query's figures in Spark's metrics system, beside those that Spark itself has of every streaming query. Names
 * hold no dot, so that all metrics of a query stand together where names are paths.
 *
 * <p>Thread: any. Source: Spark's MetricsReporter.
 */
public final class DataflowSource implements Source {
    private final QueryFigures query;
    private final MetricRegistry registry = new MetricRegistry();

    /** @param stages those of the dataflow, which have metrics of their own */
    DataflowSource(QueryFigures query, List<StageShape> stages) {
        this.query = query;
        gauge("rowsRead-perSecond", DataflowSample::rowsReadPerSecond);
        gauge("rowsWritten-perSecond", DataflowSample::rowsWrittenPerSecond);
        gauge("latency-p50", sample -> sample.latency().p50());
        gauge("latency-p95", sample -> sample.latency().p95());
        gauge("latency-p99", sample -> sample.latency().p99());
        gauge("latency-max", sample -> sample.latency().max());
        gauge("state-rows", sample -> sample.state().rows());
        gauge("state-bytes", sample -> sample.state().memoryBytes());
        gauge("state-rowsSpilled", sample -> sample.state().spilledRows());
        gauge("state-bytesSpilled", sample -> sample.state().spilledBytes());
        gauge("rows-late", DataflowSample::lateRows);
        gauge("watermark-lag", sample -> lagMillis(sample.watermarkMicros(), sample.timeMillis()));
        register("epoch", query::epochUnderWay);
        register("epoch-age", () -> query.isActive() ? System.currentTimeMillis() - query.epochStartMillis() : 0);
        register("recoveries", query::recoveryCount);
        for (StageShape stage : stages) {
            int id = stage.id();
            gauge("stage-%d-busy".formatted(id), sample -> sample.busy(id));
            gauge("stage-%d-backPressured".formatted(id), sample -> sample.backPressured(id));
            gauge("stage-%d-rowsPerSecond".formatted(id), sample -> sample.rowsPerSecond(id));
            gauge("stage-%d-queueFill".formatted(id), sample -> sample.queueFill(id));
        }
    }

    /** How far a watermark is behind a moment; 0 where there is none. */
    public static long lagMillis(long watermarkMicros, long timeMillis) {
        return watermarkMicros == Long.MIN_VALUE ? 0 : timeMillis - Math.floorDiv(watermarkMicros, 1_000L);
    }

    private void gauge(String name, ToDoubleFunction<DataflowSample> value) {
        register(name, () -> {
            DataflowSample sample = query.latest();
            return sample == null ? 0 : value.applyAsDouble(sample);
        });
    }

    private void register(String name, Gauge<Number> value) {
        registry.register(name, value);
    }

    @Override
    public String sourceName() {
        return "millrace." + query.identity().label();
    }

    @Override
    public MetricRegistry metricRegistry() {
        return registry;
    }
}
