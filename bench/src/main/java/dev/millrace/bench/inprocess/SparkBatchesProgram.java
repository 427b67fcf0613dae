package dev.millrace.bench.inprocess;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.spark.SparkEngine;
import dev.millrace.bench.spark.SparkQueries;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Histograms;
import dev.millrace.bench.workload.RowMeter;
import dev.millrace.bench.workload.ThroughputSampler;
import dev.millrace.bench.workload.Workload;
import dev.millrace.bench.workload.Workloads;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryListener;

/** Batches of one size, one after the other: how long each takes, from being planned to being committed. */
public final class SparkBatchesProgram {
    private SparkBatchesProgram() {}

    /** Takes engine, work, cores, folder, batchRows, warmUpSeconds and seconds. */
    public static void main(String[] words) {
        Arguments arguments = Arguments.parse(words);
        try {
            Workload workload = Workloads.of(arguments.text("work"));
            SparkEngine engine = SparkEngine.of(arguments);
            SparkSession spark = engine.session();
            Batches batches = new Batches();
            spark.streams().addListener(batches);
            var in = spark.readStream()
                    .format(GeneratorProvider.class.getName())
                    .option("table", workload.table())
                    .option("keys", workload.keyCount())
                    .option("partitions", arguments.whole("cores"))
                    .option("batchRows", arguments.number("batchRows"))
                    .load();
            StreamingQuery query = engine.start(
                    SparkQueries.of(spark, workload, in).writeStream().format("noop"), workload, "checkpoint");
            ObjectNode result = measure(query, batches, arguments);
            checkRuntime(arguments);
            query.stop();
            result.set("settings", new ObjectMapper().readTree(engine.settings()));
            System.out.println("result " + result);
        } catch (Exception e) {
            org.slf4j.LoggerFactory.getLogger(SparkBatchesProgram.class).error("The measurement failed.", e);
            System.out.println("failed " + SparkEngine.reason(e));
        }
        System.exit(0);
    }

    private static ObjectNode measure(StreamingQuery query, Batches batches, Arguments arguments) throws Exception {
        TimeUnit.SECONDS.sleep(arguments.number("warmUpSeconds"));
        batches.reset();
        long before = RowMeter.rows();
        ThroughputSampler.Sample sample;
        try {
            sample = ThroughputSampler.sample(0, arguments.whole("seconds"), query::isActive);
        } catch (IllegalStateException e) {
            throw query.exception().isDefined() ? query.exception().get() : e;
        }
        Histogram micros = batches.micros();
        if (micros.getTotalCount() == 0 || RowMeter.rows() == before) {
            throw new IllegalStateException(
                    "Cannot measure: no batch ended in %d s.".formatted(arguments.whole("seconds")));
        }
        return new ObjectMapper()
                .createObjectNode()
                .put("rowsPerSecond", sample.rowsPerSecond())
                .put("besideLogsMillis", batches.medianBesideLogsMillis())
                .put("histogram", Histograms.encode(micros));
    }

    /** A setting that this version does not know would leave the query to Spark without a word. */
    private static void checkRuntime(Arguments arguments) {
        boolean there = Files.exists(Path.of(arguments.text("folder"), "checkpoint", "millrace"));
        if (there != (Engine.of(arguments.text("engine")) == Engine.MILLRACE_BOUNDED)) {
            throw new IllegalStateException("it did not run on the engine that was meant");
        }
    }

    /**
     * How long batches took, as Spark reports them: to the millisecond.
     *
     * <p>Thread: any.
     */
    private static final class Batches extends StreamingQueryListener {
        /** The parts of a batch that are files written to the checkpoint: its offsets, its commit, Millrace's decision. */
        private static final List<String> LOGS = List.of("walCommit", "commitOffsets", "manifestCommit");

        private final Histogram micros = new Histogram(3);
        private final Histogram besideLogsMillis = new Histogram(3);

        synchronized void reset() {
            micros.reset();
            besideLogsMillis.reset();
        }

        synchronized long medianBesideLogsMillis() {
            return besideLogsMillis.getValueAtPercentile(50);
        }

        synchronized Histogram micros() {
            return micros.copy();
        }

        @Override
        public void onQueryStarted(QueryStartedEvent event) {}

        @Override
        public synchronized void onQueryProgress(QueryProgressEvent event) {
            if (event.progress().numInputRows() > 0) {
                long millis = event.progress().batchDuration();
                micros.recordValue(millis * 1_000);
                Map<String, Long> parts = event.progress().durationMs();
                long logsMillis = LOGS.stream()
                        .mapToLong(part -> parts.getOrDefault(part, 0L))
                        .sum();
                besideLogsMillis.recordValue(Math.max(0, millis - logsMillis));
            }
        }

        @Override
        public void onQueryTerminated(QueryTerminatedEvent event) {}
    }
}
