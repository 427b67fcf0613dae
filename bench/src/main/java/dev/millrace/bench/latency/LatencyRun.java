package dev.millrace.bench.latency;

import dev.millrace.kafka.broker.BrokerProcess;
import dev.millrace.kafka.broker.ChildJvm;
import dev.millrace.kafka.broker.KafkaBroker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The run: one broker, and for each round, work and engine three programs beside it, one after the other
 * engine: engine, probe and generator. A primer waits for the engine's first answer, so that its start is
 * not measured. Fresh topics for each turn. The order of the engines is turned
 * round from one round to the next, so that none has the warmer machine.
 *
 * <p>Thread: one.
 */
public final class LatencyRun {
    private static final String HEAP = "-Xms1g -Xmx1g";
    private static final int CARD_COUNT = 10_000;
    private static final Duration START_TIMEOUT = Duration.ofMinutes(2);

    /** How long the last records may take to come through. */
    private static final long DRAIN_MILLIS = 2_000;

    private final LatencyOptions options;

    public LatencyRun(LatencyOptions options) {
        this.options = options;
    }

    /** Measures, prints a table and appends the raw results to {@code results} as JSON lines. */
    public void run(Path folder, Path results) throws IOException, InterruptedException {
        List<LatencyResult> all = new ArrayList<>();
        try (BrokerProcess broker =
                BrokerProcess.start(folder.resolve("kafka"), log(folder, "broker"), logging(folder, "broker"))) {
            int turns = options.rounds()
                    * options.works().size()
                    * options.engines().size();
            for (int round = 1; round <= options.rounds(); round++) {
                for (Work work : options.works()) {
                    for (Engine engine : order(round)) {
                        System.out.printf(
                                "%d of %d: round %d, work %s, %s ... ",
                                all.size() + 1, turns, round, work, engine.id());
                        LatencyResult result = turn(broker, folder, engine, work, round);
                        all.add(result);
                        System.out.println(brief(result));
                        Files.writeString(
                                results,
                                result.toJson(options, HEAP) + "\n",
                                StandardOpenOption.CREATE,
                                StandardOpenOption.APPEND);
                    }
                }
            }
        }
        System.out.print(LatencyTable.of(options, all));
        System.out.println("results: " + results);
        KafkaBroker.deleteTree(folder);
    }

    private List<Engine> order(int round) {
        List<Engine> engines = new ArrayList<>(options.engines());
        if (round % 2 == 0) {
            Collections.reverse(engines);
        }
        return engines;
    }

    private LatencyResult turn(BrokerProcess broker, Path folder, Engine engine, Work work, int round)
            throws IOException, InterruptedException {
        String name = "%s-%s-%d".formatted(engine.id(), work.name().toLowerCase(Locale.ROOT), round);
        String input = "in-" + name;
        String output = "out-" + name;
        broker.createTopics(Map.of(input, Clients.PARTITION_COUNT, output, Clients.PARTITION_COUNT));
        Path own = folder.resolve(name);
        String bootstrap = broker.bootstrap();
        String probeArguments = Integer.toString(options.warmUpSeconds());
        try (ChildJvm running = start(
                        folder,
                        name,
                        engineOptions(engine),
                        engine.mainClass(),
                        Engine.arguments(work, bootstrap, input, output, own.toString()));
                ChildJvm probe = start(
                        folder,
                        "probe",
                        List.of("-Xmx512m"),
                        LatencyProbe.class.getName(),
                        List.of(bootstrap, output, probeArguments))) {
            running.awaitLine("ready"::equals, START_TIMEOUT);
            probe.awaitLine("ready"::equals, START_TIMEOUT);
            generate(folder, bootstrap, input, 1, true);
            probe.awaitLine("answers"::equals, START_TIMEOUT);
            long rowsIn = generate(folder, bootstrap, input, options.warmUpSeconds() + options.seconds(), false);
            Thread.sleep(DRAIN_MILLIS);
            probe.endInput();
            String[] words = probe.awaitLine(line -> line.startsWith("rows "), START_TIMEOUT)
                    .split(" ", -1);
            if (!running.isAlive()) {
                throw new IOException("Cannot measure: %s ended by itself. See %s.".formatted(name, log(folder, name)));
            }
            return new LatencyResult(engine, work, round, rowsIn, Long.parseLong(words[1]), words[2]);
        }
    }

    private long generate(Path folder, String bootstrap, String topic, int seconds, boolean primer)
            throws IOException, InterruptedException {
        List<String> arguments = List.of(
                bootstrap,
                topic,
                Integer.toString(options.rate()),
                Integer.toString(seconds),
                Integer.toString(CARD_COUNT),
                Boolean.toString(primer));
        try (ChildJvm generator =
                start(folder, "generator", List.of("-Xmx256m"), LoadGenerator.class.getName(), arguments)) {
            String line = generator.awaitLine(text -> text.startsWith("sent "), START_TIMEOUT.plusSeconds(seconds));
            return Long.parseLong(line.substring("sent ".length()));
        }
    }

    private static List<String> engineOptions(Engine engine) {
        List<String> all = new ArrayList<>();
        if (engine.needsSparkOptions()) {
            all.add("@" + System.getProperty("bench.launch", "") + "/jvm-options");
        }
        all.addAll(List.of(HEAP.split(" ", -1)));
        return all;
    }

    private static ChildJvm start(
            Path folder, String name, List<String> jvmOptions, String mainClass, List<String> arguments)
            throws IOException {
        List<String> all = new ArrayList<>(logging(folder, name));
        all.addAll(jvmOptions);
        return ChildJvm.start(new ChildJvm.Command(name, all, mainClass, arguments), log(folder, name));
    }

    private static List<String> logging(Path folder, String name) {
        return List.of("-Dlog4j2.configurationFile=log4j2-file.properties", "-Dbench.log=" + log(folder, name));
    }

    private static Path log(Path folder, String name) {
        return folder.resolve(name + ".log");
    }

    private static String brief(LatencyResult result) {
        var latency = result.latency();
        return String.format(
                Locale.ROOT,
                "p50 %.2f  p99 %.2f  p99.9 %.2f ms, in %d, out %d",
                latency.getValueAtPercentile(50) / 1_000.0,
                latency.getValueAtPercentile(99) / 1_000.0,
                latency.getValueAtPercentile(99.9) / 1_000.0,
                result.rowsIn(),
                result.rowsOut());
    }
}
