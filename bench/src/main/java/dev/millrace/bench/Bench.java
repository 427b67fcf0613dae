package dev.millrace.bench;

import dev.millrace.bench.cluster.ClusterMeasure;
import dev.millrace.bench.epochs.EpochsMeasure;
import dev.millrace.bench.epochs.RecoveryMeasure;
import dev.millrace.bench.exchange.ExchangeMeasure;
import dev.millrace.bench.inprocess.BatchSizeMeasure;
import dev.millrace.bench.inprocess.MemoryMeasure;
import dev.millrace.bench.inprocess.NexmarkMeasure;
import dev.millrace.bench.inprocess.StartupMeasure;
import dev.millrace.bench.inprocess.ThroughputMeasure;
import dev.millrace.bench.kafka.LatencyMeasure;
import dev.millrace.bench.report.HtmlReport;
import dev.millrace.bench.report.MarkdownReport;
import dev.millrace.bench.run.BenchRun;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.run.Measure;
import dev.millrace.bench.run.Options;
import dev.millrace.bench.run.Results;
import dev.millrace.kafka.broker.KafkaBroker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

/** Where {@code bin/bench} arrives: the first word chooses what is measured. */
public final class Bench {
    /** Something to measure, as the command line names it. */
    private record Command(
            String name, List<String> options, String usage, BiFunction<Options, Launcher, Measure> measure) {}

    private static final List<Command> COMMANDS = List.of(
            new Command("latency", LatencyMeasure.OPTIONS, LatencyMeasure.USAGE, LatencyMeasure::new),
            new Command("throughput", ThroughputMeasure.OPTIONS, ThroughputMeasure.USAGE, ThroughputMeasure::new),
            new Command("nexmark", NexmarkMeasure.OPTIONS, NexmarkMeasure.USAGE, NexmarkMeasure::new),
            new Command("epochs", EpochsMeasure.OPTIONS, EpochsMeasure.USAGE, EpochsMeasure::new),
            new Command("recovery", RecoveryMeasure.OPTIONS, RecoveryMeasure.USAGE, RecoveryMeasure::new),
            new Command("cluster", ClusterMeasure.OPTIONS, ClusterMeasure.USAGE, ClusterMeasure::new),
            new Command("exchange", ExchangeMeasure.OPTIONS, ExchangeMeasure.USAGE, ExchangeMeasure::new),
            new Command("batch-size", BatchSizeMeasure.OPTIONS, BatchSizeMeasure.USAGE, BatchSizeMeasure::new),
            new Command("memory", MemoryMeasure.OPTIONS, MemoryMeasure.USAGE, MemoryMeasure::new),
            new Command("startup", StartupMeasure.OPTIONS, StartupMeasure.USAGE, StartupMeasure::new));
    private static final String REPORT = "report";

    private Bench() {}

    /** Takes the measure's name and its options, or {@code report} and a file with results. */
    public static void main(String[] words) throws InterruptedException {
        System.exit(run(List.of(words)));
    }

    private static int run(List<String> words) throws InterruptedException {
        try {
            if (words.isEmpty() || words.contains("--help")) {
                System.out.print(usage());
            } else if (words.get(0).equals(REPORT) && words.size() == 2) {
                report(Results.read(Path.of(words.get(1))), Path.of(words.get(1)));
            } else {
                measure(command(words.get(0)), words.subList(1, words.size()));
            }
            return 0;
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.err.print(usage());
            return 2;
        } catch (IOException e) {
            System.out.println();
            System.err.println(e.getMessage() == null ? e.toString() : e.getMessage());
            return 1;
        }
    }

    private static Command command(String name) {
        return COMMANDS.stream()
                .filter(command -> command.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("Cannot measure: unknown measure=%s.".formatted(name)));
    }

    private static void measure(Command command, List<String> words) throws IOException, InterruptedException {
        Options options = Options.parse(words, command.options());
        Launcher launcher = Launcher.of(options.whole(
                "--cores",
                Runtime.getRuntime().availableProcessors(),
                Runtime.getRuntime().availableProcessors()));
        Path folder = workFolder();
        Path file = resultsFile(command.name());
        Results results;
        try (Measure measure = command.measure().apply(options, launcher)) {
            results = new BenchRun(measure, launcher, options, System.out).run(folder, file);
        }
        report(results, file);
        boolean allWell = results.turns().stream().allMatch(turn -> turn.wasMeasured());
        if (allWell) {
            KafkaBroker.deleteTree(folder);
        } else {
            System.out.println("logs of what could not run: " + folder);
        }
    }

    /** Prints the report, and writes it beside the results, as Markdown and as a page. */
    private static void report(Results results, Path file) throws IOException {
        String name = file.getFileName().toString().replaceAll("\\.jsonl$", "");
        Path markdown = file.resolveSibling(name + ".md");
        Path page = file.resolveSibling(name + ".html");
        String text = MarkdownReport.of(results);
        Files.writeString(markdown, text);
        Files.writeString(page, HtmlReport.of(results));
        System.out.println();
        System.out.print(text);
        System.out.printf("%nresults: %s%nreport:  %s%npage:    %s%n", file, markdown, page);
    }

    private static String usage() {
        List<String> names =
                new ArrayList<>(COMMANDS.stream().map(Command::name).toList());
        StringBuilder text = new StringBuilder("Usage: bin/bench %s [options]\n       bin/bench %s FILE.jsonl\n"
                .formatted(String.join("|", names), REPORT));
        text.append("Each takes --quick: a short run that only shows that everything works.\n");
        COMMANDS.forEach(command -> text.append(command.name()).append(":\n").append(command.usage()));
        return text.toString();
    }

    /** For the run's programs; their logs stay there when one could not run. */
    private static Path workFolder() throws IOException {
        Path folder = Files.createTempDirectory("millrace-bench-");
        System.setProperty("log4j2.configurationFile", "log4j2-file.properties");
        System.setProperty("bench.log", folder.resolve("bench.log").toString());
        return folder;
    }

    private static Path resultsFile(String measure) throws IOException {
        String time = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString().replace(':', '-');
        return Files.createDirectories(Path.of(System.getProperty("bench.results", "results")))
                .resolve("%s-%s.jsonl".formatted(measure, time));
    }
}
