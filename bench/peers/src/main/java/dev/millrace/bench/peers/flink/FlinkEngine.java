package dev.millrace.bench.peers.flink;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Column;
import dev.millrace.bench.workload.NexmarkQueries;
import dev.millrace.bench.workload.Workload;
import dev.millrace.bench.workload.Workloads;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/**
 * Flink in this JVM, set as its documentation advises for the case.
 *
 * <p>Thread: one owner.
 */
final class FlinkEngine {
    private final Map<String, String> settings = new LinkedHashMap<>();

    /** Takes engine, work, cores, folder and latency: whether a low one is wanted rather than throughput. */
    FlinkEngine(Arguments arguments, boolean latency) {
        settings.put("parallelism.default", arguments.text("cores"));
        settings.put("taskmanager.numberOfTaskSlots", arguments.text("cores"));
        settings.put("pipeline.object-reuse", "true");
        settings.put("state.backend.type", "hashmap");
        settings.put("execution.checkpointing.interval", "10 s");
        settings.put(
                "execution.checkpointing.dir",
                Path.of(arguments.text("folder"), "checkpoints").toUri().toString());
        settings.put("execution.buffer-timeout.interval", latency ? "1 ms" : "100 ms");
        settings.put("restart-strategy.type", "disable");
        if (arguments.text("engine").equals("flink-mini-batch")) {
            settings.put("table.exec.mini-batch.enabled", "true");
            settings.put("table.exec.mini-batch.allow-latency", "1 s");
            settings.put("table.exec.mini-batch.size", "5000");
        }
        if (arguments.text("work").equals(Workloads.DEDUPLICATE)) {
            settings.put("table.exec.state.ttl", Workloads.WATERMARK_SECONDS + " s");
        }
    }

    StreamExecutionEnvironment environment() {
        Configuration configuration = Configuration.fromMap(settings);
        return StreamExecutionEnvironment.getExecutionEnvironment(configuration);
    }

    static StreamTableEnvironment tables(StreamExecutionEnvironment environment) {
        StreamTableEnvironment tables = StreamTableEnvironment.create(environment);
        tables.getConfig().set("table.local-time-zone", "UTC");
        tables.executeSql("CREATE TEMPORARY TABLE merchants (merchant STRING, category STRING) "
                + "WITH ('connector' = 'static')");
        tables.executeSql("CREATE TEMPORARY TABLE side (id BIGINT, label STRING) WITH ('connector' = 'static')");
        return tables;
    }

    /** Makes the table that the generator fills; {@code rows} is 0 for one without end; one that stays does not end its job. */
    static void createGenerated(
            StreamTableEnvironment tables, Workload workload, long rows, int partitions, boolean stays) {
        String columns = workload.rows().columns().stream()
                .map(column -> column.name() + " " + type(column.type()))
                .collect(Collectors.joining(", "));
        tables.executeSql("CREATE TEMPORARY TABLE %s (%s%s) WITH ('connector' = 'generator', 'table' = '%s', "
                        .formatted(workload.table(), columns, watermark(workload), workload.table())
                + "'keys' = '%d', 'rows' = '%d', 'partitions' = '%d', 'stays' = '%s')"
                        .formatted(workload.keyCount(), rows, partitions, stays));
        if (workload.table().equals(NexmarkQueries.TABLE)) {
            NexmarkQueries.VIEWS.forEach((name, sql) -> tables.createTemporaryView(name, tables.sqlQuery(sql)));
        }
    }

    static String watermark(Workload workload) {
        return workload.watermarkSeconds() == 0
                ? ""
                : ", WATERMARK FOR event_time AS event_time - INTERVAL '%d' SECOND"
                        .formatted(workload.watermarkSeconds());
    }

    private static String type(Column.Type type) {
        return switch (type) {
            case INT -> "INT";
            case LONG -> "BIGINT";
            case DOUBLE -> "DOUBLE";
            case STRING -> "STRING";
            case TIME -> "TIMESTAMP(3)";
        };
    }

    /** What was set, as JSON, for the report. */
    String settings() throws JsonProcessingException {
        return new ObjectMapper().writeValueAsString(settings);
    }

    /** Why a job does not run, in a line: the cause that knows. */
    static String reason(Throwable error) {
        Throwable cause = error;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        String message = String.valueOf(cause.getMessage());
        return message.lines().findFirst().orElse(cause.toString());
    }
}
