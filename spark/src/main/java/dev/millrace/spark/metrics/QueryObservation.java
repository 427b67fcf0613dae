package dev.millrace.spark.metrics;

import dev.millrace.engine.graph.StreamGraph;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkContext;
import org.apache.spark.metrics.MetricsSystem;
import org.jspecify.annotations.Nullable;

/**
 * Watches one run of a query: keeps its figures in the application's registry, takes a sample a second, and stands in
 * Spark's metrics system.
 *
 * <p>Thread: the query's; the samples are taken on one of its own.
 */
public final class QueryObservation {
    private static final long INTERVAL_MILLIS = 1_000;

    private final SparkContext spark;
    private final QueryFigures figures;
    private final boolean inMetricsSystem;
    private final Thread sampling;
    private @Nullable DataflowSource source;

    /**
     * Begins.
     *
     * @param inMetricsSystem whether the user wants streaming queries in Spark's metrics system
     */
    public QueryObservation(SparkContext spark, QueryFigures figures, boolean inMetricsSystem) {
        this.spark = spark;
        this.figures = figures;
        this.inMetricsSystem = inMetricsSystem;
        QueryRegistry.of(spark).add(figures);
        sampling = new Thread(
                this::sample, "millrace-figures-" + figures.identity().label());
        sampling.setDaemon(true);
        sampling.start();
    }

    private void sample() {
        try {
            while (true) {
                Thread.sleep(INTERVAL_MILLIS);
                figures.sample();
            }
        } catch (InterruptedException e) {
            return; // the only way to end it
        }
    }

    /** The dataflow is known. */
    public void planned(StreamGraph graph, String plan) {
        List<StageShape> stages = StageShape.of(graph);
        figures.planned(stages, plan);
        if (inMetricsSystem) {
            DataflowSource made = new DataflowSource(figures, stages);
            source = made;
            metricsSystem().registerSource(made);
        }
    }

    /** The run is over. Called although the calling thread may be interrupted. */
    public void end(boolean failed) {
        figures.sample();
        sampling.interrupt();
        boolean interrupted = Thread.interrupted();
        try {
            sampling.join(TimeUnit.SECONDS.toMillis(1));
        } catch (InterruptedException e) {
            interrupted = true;
        }
        figures.ended(failed);
        DataflowSource registered = source;
        if (registered != null) {
            metricsSystem().removeSource(registered);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private MetricsSystem metricsSystem() {
        return spark.env().metricsSystem();
    }
}
