package dev.millrace.bench.kafka;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.bench.run.CannotRunException;
import dev.millrace.bench.run.Case;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Figure;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.run.Measure;
import dev.millrace.bench.run.Options;
import dev.millrace.bench.run.TurnDraft;
import dev.millrace.bench.workload.Histograms;
import dev.millrace.bench.workload.Workloads;
import dev.millrace.kafka.broker.ChildJvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * From a record's creation to its answer's arrival, each in another process, through a real broker, at a steady
 * rate. A primer waits for an engine's first answer, so that its start is not measured; then comes a warm-up. Fresh
 * topics for each turn.
 */
public final class LatencyMeasure implements Measure {
    public static final List<String> OPTIONS =
            List.of("--engines", "--work", "--rate", "--seconds", "--warm-up", "--rounds", "--cores");
    public static final String USAGE =
            """
              --engines a,b    the first is what the others are compared with
                               (default bare,millrace,flink,kafka-streams,spark-rtm,spark)
              --work a,b       stateless, window-count, dedup, static-join, stream-join, state-function
                               (default stateless,window-count)
              --rate a,b       records per second; half: half of what the slowest engine can (default 1000,10000)
              --seconds N      measured seconds per turn (default 20)
              --warm-up N      seconds before that, not counted (default 10)
              --rounds N       how often each engine has its turn (default 3)
            """;

    private static final String HALF = "half";
    private static final double[] PERCENTILES = {50, 99, 99.9};

    /** How long the last records may take to come through. */
    private static final long DRAIN_MILLIS = 2_000;

    private final Options options;
    private final Launcher launcher;
    private final List<Engine> engines;
    private final int seconds;
    private final int warmUpSeconds;
    private @Nullable KafkaStage stage;

    public LatencyMeasure(Options options, Launcher launcher) {
        this.options = options;
        this.launcher = launcher;
        this.engines = options.engines(
                Engine.BARE, Engine.MILLRACE, Engine.FLINK, Engine.KAFKA_STREAMS, Engine.REAL_TIME_MODE, Engine.SPARK);
        this.seconds = options.whole("--seconds", 20, 3);
        this.warmUpSeconds = options.whole("--warm-up", 10, 2);
        options.list("--work", Workloads.STATELESS).forEach(Workloads::of);
        rates().forEach(rate -> {
            if (!rate.equals(HALF) && !rate.matches("[1-9][0-9]{0,7}")) {
                throw new IllegalArgumentException(
                        "Cannot measure: --rate=%s. Give whole numbers above 0, or %s.".formatted(rate, HALF));
            }
        });
    }

    @Override
    public String id() {
        return "latency";
    }

    @Override
    public String title() {
        return "Latency from a record's creation to its answer's arrival, Kafka to Kafka";
    }

    @Override
    public List<Engine> engines() {
        return engines;
    }

    @Override
    public List<Figure> figures() {
        return List.of(
                new Figure("p50", "p50", "ms", 2, true),
                new Figure("p99", "p99", "ms", 2, true),
                new Figure("p99.9", "p99.9", "ms", 2, true),
                new Figure("max", "max", "ms", 1, false),
                new Figure("rowsIn", "in", "rows", 0, false),
                new Figure("rowsOut", "out", "rows", 0, false));
    }

    @Override
    public int rounds() {
        return options.whole("--rounds", 3, 1);
    }

    private List<String> rates() {
        return options.list("--rate", options.quick() ? "1000" : "1000,10000");
    }

    @Override
    public List<Case> prepare(Path folder) throws IOException, InterruptedException {
        KafkaStage started = KafkaStage.start(launcher, folder);
        stage = started;
        List<Case> cases = new ArrayList<>();
        for (String work : options.list("--work", Workloads.STATELESS + "," + Workloads.WINDOW_COUNT)) {
            for (String rate : rates()) {
                int number = rate.equals(HALF) ? half(started, work, folder) : Integer.parseInt(rate);
                String title = "%s (%s), %,d records/s%s"
                        .formatted(
                                work,
                                Workloads.of(work).description(),
                                number,
                                rate.equals(HALF) ? ", half of what the slowest engine can" : "");
                cases.add(new Case(work + "-" + rate, title, Map.of("work", work, "rate", Integer.toString(number))));
            }
        }
        return cases;
    }

    /** Half of what the slowest engine that can do the work drains in a second. */
    private int half(KafkaStage started, String work, Path folder) throws IOException, InterruptedException {
        DrainTurn drain = new DrainTurn(started, options.quick() ? 100_000 : 1_000_000);
        double slowest = Double.MAX_VALUE;
        for (Engine engine : engines) {
            Path own = folder.resolve("saturation-%s-%s".formatted(work, engine.id()));
            try {
                slowest = Math.min(slowest, drain.run(engine, work, own, new TurnDraft()));
            } catch (CannotRunException e) {
                Files.writeString(Launcher.log(own, "reason"), String.valueOf(e.getMessage()));
            }
        }
        return (int) Math.max(100, slowest / 2);
    }

    @Override
    public void turn(Engine engine, Case of, int round, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        KafkaStage started = Objects.requireNonNull(stage, "prepare comes first");
        int rate = of.number("rate");
        KafkaStage.Topics topics = started.createTopics(folder.getFileName().toString());
        try (ChildJvm running = started.startEngine(engine, of.parameter("work"), topics, false, folder);
                ChildJvm probe = started.startProbe(topics.output(), warmUpSeconds, folder)) {
            draft.settings(Launcher.texts(Launcher.await(running, "ready", KafkaStage.START_TIMEOUT)));
            Launcher.await(probe, "ready", KafkaStage.START_TIMEOUT);
            started.generate(LoadGenerator.Kind.PRIMER, topics.input(), rate, rate, folder);
            awaitAnswers(running, probe);
            long rowsIn = started.generate(
                    LoadGenerator.Kind.PACED, topics.input(), rate, (long) rate * (warmUpSeconds + seconds), folder);
            Thread.sleep(DRAIN_MILLIS);
            probe.endInput();
            JsonNode seen = Launcher.await(probe, "result", KafkaStage.START_TIMEOUT);
            take(seen, rowsIn, draft);
            takeMarks(running, seen.get("measuredFromMicros").asLong(), draft);
        }
    }

    /** An engine that fails before its first answer says why. */
    static void awaitAnswers(ChildJvm running, ChildJvm probe)
            throws IOException, InterruptedException, CannotRunException {
        try {
            probe.awaitLine("answers"::equals, KafkaStage.START_TIMEOUT);
        } catch (IOException e) {
            Optional<String> failure = Launcher.failure(running);
            if (failure.isPresent()) {
                throw new CannotRunException(failure.get());
            }
            throw new CannotRunException("no answer in %d s".formatted(KafkaStage.START_TIMEOUT.toSeconds()));
        }
    }

    private static void take(JsonNode seen, long rowsIn, TurnDraft draft) throws CannotRunException {
        Histogram latency = Histograms.decode(seen.get("histogram").asText());
        if (latency.getTotalCount() == 0) {
            throw new CannotRunException("no row came behind the warm-up");
        }
        for (double percentile : PERCENTILES) {
            String name = percentile == Math.rint(percentile) ? "p" + (int) percentile : "p" + percentile;
            draft.figure(name, latency.getValueAtPercentile(percentile) / 1_000.0);
        }
        draft.figure("max", latency.getMaxValue() / 1_000.0)
                .figure("rowsIn", rowsIn)
                .figure("rowsOut", seen.get("rows").asLong())
                .histogram(seen.get("histogram").asText());
        for (JsonNode slot : seen.get("timeline")) {
            draft.moment(
                    slot.get("micros").asLong() / 1e6, slot.get("p99Micros").asLong() / 1_000.0);
        }
    }

    /** Epochs that the engine told of, as far as they ended while it was measured. */
    private void takeMarks(ChildJvm running, long measuredFromMicros, TurnDraft draft)
            throws InterruptedException, CannotRunException {
        for (String line = running.nextLine(java.time.Duration.ZERO);
                line != null;
                line = running.nextLine(java.time.Duration.ZERO)) {
            if (line.startsWith("failed ")) {
                throw new CannotRunException(line.substring("failed ".length()));
            }
            if (line.startsWith("epoch ")) {
                double second = (Long.parseLong(line.substring("epoch ".length())) - measuredFromMicros) / 1e6;
                if (second >= 0 && second <= seconds) {
                    draft.mark(second);
                }
            }
        }
        if (!running.isAlive()) {
            throw new CannotRunException("it ended by itself");
        }
    }

    @Override
    public void close() {
        if (stage != null) {
            stage.close();
        }
    }
}
