package dev.millrace.bench;

import dev.millrace.bench.epochs.EpochsOptions;
import dev.millrace.bench.epochs.EpochsRun;
import dev.millrace.bench.latency.LatencyOptions;
import dev.millrace.bench.latency.LatencyRun;
import dev.millrace.bench.throughput.ThroughputOptions;
import dev.millrace.bench.throughput.ThroughputRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;

/** Where {@code bin/bench} arrives: the first word chooses the run. */
public final class Bench {
    private static final String USAGE =
            "Usage: bin/bench latency|throughput|epochs [options]\nlatency, Kafka to Kafka:\n"
                    + LatencyOptions.USAGE
                    + "throughput, in one process:\n"
                    + ThroughputOptions.USAGE
                    + "epochs, in one process:\n"
                    + EpochsOptions.USAGE;

    private Bench() {}

    /** Takes the run's name and its options. */
    public static void main(String[] arguments) throws InterruptedException {
        System.exit(run(Arrays.asList(arguments)));
    }

    private static int run(List<String> words) throws InterruptedException {
        String name = words.isEmpty() || words.contains("--help") ? "--help" : words.get(0);
        List<String> options = words.subList(Math.min(1, words.size()), words.size());
        try {
            switch (name) {
                case "latency" -> {
                    LatencyRun run = new LatencyRun(LatencyOptions.parse(options));
                    run.run(workFolder(), resultsFile(name));
                }
                case "throughput" -> {
                    ThroughputRun run = new ThroughputRun(ThroughputOptions.parse(options));
                    run.run(workFolder(), resultsFile(name));
                }
                case "epochs" -> {
                    EpochsRun run = new EpochsRun(EpochsOptions.parse(options));
                    run.run(workFolder(), resultsFile(name));
                }
                case "--help" -> System.out.print(USAGE);
                default -> throw new IllegalArgumentException("Cannot measure: unknown run=%s.".formatted(name));
            }
            return 0;
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.err.print(USAGE);
            return 2;
        } catch (IOException e) {
            System.out.println();
            System.err.println(e.getMessage() == null ? e.toString() : e.getMessage());
            return 1;
        }
    }

    /** For the run's programs; its logs stay there when the run fails. */
    private static Path workFolder() throws IOException {
        Path folder = Files.createTempDirectory("millrace-bench-");
        System.setProperty("log4j2.configurationFile", "log4j2-file.properties");
        System.setProperty("bench.log", folder.resolve("bench.log").toString());
        return folder;
    }

    private static Path resultsFile(String run) throws IOException {
        String time = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString().replace(':', '-');
        return Files.createDirectories(Path.of(System.getProperty("bench.results", "results")))
                .resolve("%s-%s.jsonl".formatted(run, time));
    }
}
