package dev.millrace.spark.batches;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.RowTexts;
import dev.millrace.spark.batches.BatchesProvider.Batches;
import dev.millrace.spark.scala.Scala;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.spark.network.util.JavaUtils;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryProgress;
import org.apache.spark.sql.streaming.Trigger;
import scala.Option;

/**
 * Runs a query over the batches of a {@link Script} on Spark's micro-batch engine and in bounded epochs, and
 * compares what each batch gave by its number: the same rows, order aside.
 *
 * <p>Thread: one at a time for a session, whose settings say which engine runs.
 */
public final class PerBatchComparison {
    /** With which the text begins that tells what was observed in a batch. */
    public static final String OBSERVED = "observed as ";

    private static final List<String> SETTINGS = List.of(
            "spark.millrace.triggers",
            "spark.sql.shuffle.partitions",
            "spark.sql.codegen.wholeStage",
            "spark.sql.codegen.factoryMode");

    private final SparkSession session;
    private final Function<List<Dataset<Row>>, Dataset<Row>> query;
    private final String outputMode;
    private int partitions = 1;
    private Set<Long> processes = Set.of();

    /**
     * Who runs the query. Spark is spared what costs it time in each batch and changes no answer: more than one
     * partition of state, and generated code, which takes longer to compile than a few rows take without it.
     */
    public enum Engine {
        SPARK("realtime", "1", "false", "NO_CODEGEN"),
        /** Spark with its state in several partitions. */
        SPARK_IN_PARTS("realtime", "3", "false", "NO_CODEGEN"),
        MILLRACE("all", "4", "true", "FALLBACK");

        /** Values of {@link #SETTINGS}. */
        private final List<String> settings;

        Engine(String... settings) {
            this.settings = List.of(settings);
        }
    }

    /**
     * A session whose checkpoints on a local disk cost no processes: Hadoop's other interface to it, which Spark takes
     * unless it is told, starts some {@code readlink}s for each file of a log, and they take longer than a batch. Nor do
     * its classes cost requests: sessions that keep their jars apart ask the driver for each class they do not find.
     */
    public static SparkSession startSession(Map<String, String> settings) {
        return startSession("local[2]", settings);
    }

    /** As {@link #startSession(Map)}, on a master. */
    public static SparkSession startSession(String master, Map<String, String> settings) {
        Map<String, String> all = new HashMap<>(settings);
        all.put("spark.sql.streaming.checkpointFileManagerClass", FileSystemBasedCheckpointFileManager.class.getName());
        all.put("spark.hadoop.fs.file.impl", PlainFileSystem.class.getName());
        all.put("spark.sql.artifact.isolation.enabled", "false");
        return LocalSpark.start(master, all);
    }

    /** @param query the query over the script's sources, in their order */
    public PerBatchComparison(
            SparkSession session, String outputMode, Function<List<Dataset<Row>>, Dataset<Row>> query) {
        this.session = session;
        this.outputMode = outputMode;
        this.query = query;
    }

    /** How many partitions each batch of a source has; 1 where the order of rows matters. */
    public PerBatchComparison partitions(int count) {
        partitions = count;
        return this;
    }

    /** Runs both engines and compares. Gives what each batch gave. */
    public Map<Long, List<String>> compare(Script script) throws Exception {
        Map<Long, List<String>> expected = run(Engine.SPARK, script);
        Map<Long, List<String>> actual = run(Engine.MILLRACE, script);
        assertThat(actual).as("rows by batch").isEqualTo(expected);
        return actual;
    }

    /** What each batch gives on one engine, by its number, sorted, and what was observed meanwhile. */
    public Map<Long, List<String>> run(Engine engine, Script script) throws Exception {
        String name = UUID.randomUUID().toString();
        ScriptedProvider.put(name, script);
        Path checkpoint = Files.createTempDirectory("batches");
        try {
            return play(engine, script, name, checkpoint);
        } finally {
            ScriptedProvider.remove(name);
            JavaUtils.deleteRecursively(checkpoint.toFile());
        }
    }

    /** The processes whose tasks wrote the batches of the last run. */
    public Set<Long> processes() {
        return processes;
    }

    /** The first rows are there before the query is: else its first batch may be one without any. */
    private Map<Long, List<String>> play(Engine engine, Script script, String name, Path checkpoint) throws Exception {
        Batches batches = new Batches();
        List<Integer> rests = script.rests();
        ScriptedProvider.publish(name, rests.get(0));
        StreamingQuery running = start(engine, writer(name, script, batches), checkpoint, Trigger.ProcessingTime(0));
        try {
            assertThat(LocalSpark.isOnMillrace(running)).as("runs on Millrace").isEqualTo(engine == Engine.MILLRACE);
            running.processAllAvailable();
            for (int there : rests.subList(1, rests.size())) {
                ScriptedProvider.publish(name, there);
                running.processAllAvailable();
            }
        } finally {
            running.stop();
        }
        processes = batches.processes();
        Map<Long, List<String>> given = batches.given();
        for (StreamingQueryProgress progress : running.recentProgress()) {
            progress.observedMetrics()
                    .forEach((observer, row) -> given.computeIfPresent(
                            progress.batchId(), (batch, rows) -> with(rows, OBSERVED + observer + RowTexts.text(row))));
        }
        return given;
    }

    /** A batch may be told of twice. */
    private static List<String> with(List<String> rows, String observed) {
        return rows.contains(observed)
                ? rows
                : Stream.concat(rows.stream(), Stream.of(observed)).sorted().toList();
    }

    /** The query over a script that was made known, into {@code batches}. */
    public DataStreamWriter<Row> writer(String scriptName, Script script, Batches batches) {
        List<Dataset<Row>> inputs = new ArrayList<>();
        for (int i = 0; i < script.schemas().size(); i++) {
            inputs.add(session.readStream()
                    .format(ScriptedProvider.class.getName())
                    .option("script", scriptName)
                    .option("source", i)
                    .option("partitions", partitions)
                    .load());
        }
        return batches.take(query.apply(inputs).writeStream().outputMode(outputMode));
    }

    /** Starts a query on one engine; others of the session are not changed by it. */
    public StreamingQuery start(Engine engine, DataStreamWriter<Row> writer) throws Exception {
        return start(session, engine, writer);
    }

    /** As {@link #start(Engine, DataStreamWriter)}, for a query of any session. */
    public static StreamingQuery start(SparkSession session, Engine engine, DataStreamWriter<?> writer)
            throws Exception {
        List<Option<String>> before =
                SETTINGS.stream().map(session.conf()::getOption).toList();
        for (int i = 0; i < SETTINGS.size(); i++) {
            session.conf().set(SETTINGS.get(i), engine.settings.get(i));
        }
        try {
            return writer.start();
        } finally {
            for (int i = 0; i < SETTINGS.size(); i++) {
                String setting = SETTINGS.get(i);
                Scala.optional(before.get(i))
                        .ifPresentOrElse(value -> session.conf().set(setting, value), () -> session.conf()
                                .unset(setting));
            }
        }
    }

    /** As {@link #start}, from a checkpoint and with a trigger. */
    public StreamingQuery start(Engine engine, DataStreamWriter<Row> writer, Path checkpoint, Trigger trigger)
            throws Exception {
        return start(
                engine,
                writer.option("checkpointLocation", checkpoint.toString()).trigger(trigger));
    }
}
