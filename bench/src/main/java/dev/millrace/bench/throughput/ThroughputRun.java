package dev.millrace.bench.throughput;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.kafka.broker.ChildJvm;
import dev.millrace.kafka.broker.KafkaBroker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Keyed count, sum and max in one process, at the engine's level and through Spark's API, each in a JVM
 * of its own.
 *
 * <p>Thread: one.
 */
public final class ThroughputRun {
    private static final List<String> LEVELS = List.of("engine", "spark");
    private static final String HEAP = "-Xmx2g";
    private static final Duration START_TIMEOUT = Duration.ofMinutes(2);

    private final ThroughputOptions options;

    public ThroughputRun(ThroughputOptions options) {
        this.options = options;
    }

    /** Measures, prints a line for each level and appends it to {@code results}. */
    public void run(Path folder, Path results) throws IOException, InterruptedException {
        for (String level : LEVELS) {
            System.out.printf("count, sum, max over %,d keys, %s level ... ", options.keyCount(), level);
            double rows = measure(level, folder);
            System.out.printf(Locale.ROOT, "%.1f M rows/s%n", rows / 1e6);
            String line = new ObjectMapper()
                    .createObjectNode()
                    .put("run", "throughput")
                    .put("time", Instant.now().toString())
                    .put("level", level)
                    .put("keys", options.keyCount())
                    .put("seconds", options.seconds())
                    .put("warmUpSeconds", options.warmUpSeconds())
                    .put("heap", HEAP)
                    .put("java", Runtime.version().toString())
                    .put("cores", Runtime.getRuntime().availableProcessors())
                    .put("rowsPerSecond", rows)
                    .toString();
            Files.writeString(
                    results,
                    line + "\n",
                    java.nio.file.StandardOpenOption.CREATE,
                    java.nio.file.StandardOpenOption.APPEND);
        }
        KafkaBroker.deleteTree(folder);
    }

    private double measure(String level, Path folder) throws IOException, InterruptedException {
        Path log = folder.resolve(level + ".log");
        List<String> jvmOptions = List.of(
                "@" + System.getProperty("bench.launch", "") + "/jvm-options",
                HEAP,
                "-Dlog4j2.configurationFile=log4j2-file.properties",
                "-Dbench.log=" + log);
        List<String> arguments =
                new ArrayList<>(List.of(level, folder.resolve(level).toString()));
        arguments.addAll(List.of("--seconds", Integer.toString(options.seconds())));
        arguments.addAll(List.of("--warm-up", Integer.toString(options.warmUpSeconds())));
        arguments.addAll(List.of("--keys", Integer.toString(options.keyCount())));
        Duration patience = START_TIMEOUT.plusSeconds(options.seconds() + options.warmUpSeconds());
        try (ChildJvm child = ChildJvm.start(
                new ChildJvm.Command(level + " level", jvmOptions, ThroughputProgram.class.getName(), arguments),
                log)) {
            String line = child.awaitLine(text -> text.startsWith("rows ") || text.startsWith("failed "), patience);
            if (line.startsWith("failed ")) {
                throw new IOException("Cannot measure at the %s level: %s. See %s."
                        .formatted(level, line.substring("failed ".length()), log));
            }
            return Double.parseDouble(line.substring("rows ".length()));
        }
    }
}
