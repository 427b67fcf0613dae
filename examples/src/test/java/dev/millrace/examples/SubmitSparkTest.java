package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kafka.broker.ChildJvm;
import dev.millrace.spark.standalone.StandaloneCluster;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * An example as a user runs it: by {@code spark-submit}, on a standalone master whose Spark knows nothing of
 * Millrace, with the bundle by {@code --jars}. Needs the finished jars, so it runs after packaging.
 */
class SubmitSparkTest {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Pattern BATCH = Pattern.compile("Batch: \\d+");
    private static final Pattern COUNT = Pattern.compile("\\|\\s*(\\w+)\\s*\\|\\s*(\\d+)\\s*\\|");
    private static final String BUNDLE = "millrace-spark-4.2_2.13-";
    private static final int EXECUTOR_COUNT = 2;

    @TempDir
    private Path folder;

    @Test
    void countsWordsOnTwoExecutorsWithTheBundleJar() throws Exception {
        Path log = folder.resolve("submit.log");
        try (StandaloneCluster cluster =
                StandaloneCluster.start(Path.of("target/clusters"), EXECUTOR_COUNT, 2, Map.of())) {
            ChildJvm submitted = ChildJvm.start(submit(cluster), log);
            try {
                // The last batch of three is whole once the next one begins.
                assertCountsOfWholeLines(countsAfter(submitted, 3));
                assertThat(cluster.executors()).hasSize(EXECUTOR_COUNT);
            } finally {
                submitted.kill();
            }
        }
        assertThat(Files.readString(log)).contains("runs on %d workers".formatted(EXECUTOR_COUNT));
    }

    private static ChildJvm.Command submit(StandaloneCluster cluster) {
        List<String> arguments = new ArrayList<>(List.of("--master", cluster.master(), "--jars", bundle()));
        Map<String, String> settings = new HashMap<>(cluster.resources());
        settings.put("spark.ui.enabled", "false");
        settings.put("spark.sql.shuffle.partitions", "8");
        settings.put("spark.millrace.workers", Integer.toString(EXECUTOR_COUNT));
        settings.forEach((key, value) -> arguments.addAll(List.of("--conf", key + "=" + value)));
        arguments.addAll(List.of("--class", WordCount.class.getName(), System.getProperty("examples.jar", "")));
        return new ChildJvm.Command(
                "spark-submit",
                List.of("@" + System.getProperty("examples.launch", "") + "/jvm-options", "-Xmx512m"),
                cluster.home().resolve("jars") + "/*",
                "org.apache.spark.deploy.SparkSubmit",
                arguments,
                List.of());
    }

    private static String bundle() {
        return List.of(System.getProperty("java.class.path").split(File.pathSeparator)).stream()
                .filter(entry -> Path.of(entry).getFileName().toString().startsWith(BUNDLE) && entry.endsWith(".jar"))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(
                        "Cannot submit: there is no jar of the bundle. Run this test by mvn verify."));
    }

    /** The newest count of each word once so many batches are printed. */
    private static Map<String, Long> countsAfter(ChildJvm submitted, int batches) throws Exception {
        Map<String, Long> counts = new HashMap<>();
        int begun = 0;
        while (begun <= batches) {
            String line = submitted.awaitLine(text -> true, PATIENCE);
            begun += BATCH.matcher(line).matches() ? 1 : 0;
            Matcher count = COUNT.matcher(line);
            if (count.matches()) {
                counts.merge(count.group(1), Long.parseLong(count.group(2)), Math::max);
            }
        }
        return counts;
    }

    /** Each line is "the race drives the wheel", "the wheel drives the mill" or "the mill grinds the grain". */
    private static void assertCountsOfWholeLines(Map<String, Long> counts) {
        long first = counts.get("race");
        long drives = counts.get("drives");
        long third = counts.get("grinds");
        assertThat(drives).isGreaterThan(first);
        assertThat(counts)
                .containsEntry("the", 2 * (drives + third))
                .containsEntry("wheel", drives)
                .containsEntry("mill", drives - first + third)
                .containsEntry("grain", third)
                .hasSize(7);
    }
}
