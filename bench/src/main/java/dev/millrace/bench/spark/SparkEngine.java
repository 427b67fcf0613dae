package dev.millrace.bench.spark;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Workload;
import dev.millrace.bench.workload.Workloads;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;

/**
 * One of the three engines behind Spark's API, set as its own documentation advises.
 *
 * <p>Thread: one owner.
 */
public final class SparkEngine {
    /** What is set by an argument has this before its name. */
    public static final String SET = "set.";

    /** Where {@link Engine#MILLRACE_CLUSTER} runs. */
    public static final String MASTER = "master";

    /** How often what checkpoints on the side does so; Flink has the same. */
    private static final String EPOCH = "10 seconds";

    /** Spark's own default for Real-Time Mode, whose batches stop the stream at their ends. */
    private static final String REAL_TIME_MODE_BATCH = "5 minutes";

    /** Real-Time Mode runs all tasks at once, each in a slot. */
    private static final int REAL_TIME_MODE_SLOTS = 4;

    private final Engine engine;
    private final Path folder;
    private final boolean drain;
    private final String trigger;
    private final Map<String, String> settings = new LinkedHashMap<>();

    private SparkEngine(Engine engine, Path folder, boolean drain, int cores, String epoch) {
        this.engine = engine;
        this.folder = folder;
        this.drain = drain;
        this.trigger = switch (engine) {
            case MILLRACE, MILLRACE_CLUSTER -> epoch;
            case REAL_TIME_MODE -> REAL_TIME_MODE_BATCH;
            default -> drain ? "available now" : "0 seconds";
        };
        settings.put(MASTER, "local[%d]".formatted(engine == Engine.REAL_TIME_MODE ? REAL_TIME_MODE_SLOTS : cores));
        boolean millrace = isMillrace() || engine == Engine.MILLRACE_BOUNDED;
        settings.put("spark.millrace.enabled", Boolean.toString(millrace));
        if (engine == Engine.MILLRACE_BOUNDED) {
            settings.put("spark.millrace.triggers", "all");
        }
        if (!millrace) {
            settings.put("spark.sql.shuffle.partitions", Integer.toString(cores));
            settings.put(
                    "spark.sql.streaming.stateStore.providerClass",
                    "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider");
            settings.put("spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled", "true");
        }
    }

    /** In real time. */
    private boolean isMillrace() {
        return engine == Engine.MILLRACE || engine == Engine.MILLRACE_CLUSTER;
    }

    /** By engine, folder, cores and drain, and what else is set. */
    public static SparkEngine of(Arguments arguments) {
        return of(arguments, EPOCH);
    }

    /** With Millrace's epochs as long as {@code epoch} says. */
    public static SparkEngine of(Arguments arguments, String epoch) {
        SparkEngine engine = new SparkEngine(
                Engine.of(arguments.text("engine")),
                Path.of(arguments.text("folder")),
                Boolean.parseBoolean(arguments.text("drain")),
                arguments.whole("cores"),
                epoch);
        engine.settings.putAll(arguments.startingWith(SET));
        return engine;
    }

    /** Sets something that a measure asks for. */
    public SparkEngine with(String name, String value) {
        settings.put(name, value);
        return this;
    }

    public SparkSession session() {
        SparkSession.Builder builder = SparkSession.builder()
                .appName("bench")
                .config("spark.ui.enabled", "false")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.sql.session.timeZone", "UTC")
                .config("spark.local.dir", folder.resolve("spark").toString())
                .config("spark.sql.warehouse.dir", folder.resolve("warehouse").toString());
        settings.forEach((name, value) -> {
            if (name.startsWith("spark.")) {
                builder.config(name, value);
            }
        });
        return builder.master(settings.get(MASTER)).getOrCreate();
    }

    /** Starts a query whose sink is set already. */
    public StreamingQuery start(DataStreamWriter<Row> writer, Workload workload) throws TimeoutException {
        boolean asynchronous = engine == Engine.SPARK && !drain && workload.id().equals(Workloads.STATELESS);
        if (asynchronous) {
            settings.put("asyncProgressTrackingEnabled", "true");
            writer.option("asyncProgressTrackingEnabled", "true");
        }
        return start(writer, workload, "checkpoint");
    }

    /** Starts it with a checkpoint of that name in this engine's folder. */
    public StreamingQuery start(DataStreamWriter<Row> writer, Workload workload, String checkpoint)
            throws TimeoutException {
        boolean realTime = isMillrace() || engine == Engine.REAL_TIME_MODE;
        String mode = workload.updates() || engine == Engine.REAL_TIME_MODE ? "update" : "append";
        settings.put("outputMode", mode);
        settings.put("trigger", realTime ? "RealTime(" + trigger + ")" : trigger);
        return writer.outputMode(mode)
                .option("checkpointLocation", folder.resolve(checkpoint).toString())
                .trigger(
                        realTime
                                ? Trigger.RealTime(trigger)
                                : drain ? Trigger.AvailableNow() : Trigger.ProcessingTime(trigger))
                .start();
    }

    /** What was set, as JSON, for the report. */
    public String settings() throws JsonProcessingException {
        Map<String, String> told = new LinkedHashMap<>(settings);
        told.remove("spark.executor.extraClassPath"); // long, and says nothing
        return new ObjectMapper().writeValueAsString(told);
    }

    /** What was set, for the report. */
    public Map<String, String> settingsByName() {
        return Map.copyOf(settings);
    }

    /** Why a query does not run, in a line. */
    public static String reason(Throwable error) {
        Throwable cause = error;
        while (cause instanceof org.apache.spark.sql.streaming.StreamingQueryException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        String message = String.valueOf(cause.getMessage());
        return message.lines().findFirst().orElse(cause.toString());
    }
}
