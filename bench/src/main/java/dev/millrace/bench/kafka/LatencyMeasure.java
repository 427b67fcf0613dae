package dev.millrace.bench.kafka;

import dev.millrace.bench.run.CannotRunException;
import dev.millrace.bench.run.Case;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Figure;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.run.Measure;
import dev.millrace.bench.run.Options;
import dev.millrace.bench.run.TurnDraft;
import dev.millrace.bench.workload.Workloads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** From a record's creation to its answer's arrival, on each engine, at one rate or several. */
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
        return LatencyTurn.FIGURES;
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
        new LatencyTurn(started, warmUpSeconds, seconds)
                .run(engine, of.parameter("work"), of.number("rate"), Map.of(), folder, draft);
    }

    @Override
    public void close() {
        if (stage != null) {
            stage.close();
        }
    }
}
