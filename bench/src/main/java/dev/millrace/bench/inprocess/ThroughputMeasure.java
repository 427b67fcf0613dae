package dev.millrace.bench.inprocess;

import dev.millrace.bench.kafka.DrainTurn;
import dev.millrace.bench.kafka.KafkaStage;
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
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** How many rows a second an engine takes: from a generator to nothing, and from a full topic to another. */
public final class ThroughputMeasure implements Measure {
    public static final List<String> OPTIONS =
            List.of("--engines", "--work", "--seconds", "--warm-up", "--records", "--rounds", "--cores");
    public static final String USAGE =
            """
              --engines a,b    the first is what the others are compared with
                               (default millrace,engine,flink,flink-mini-batch,spark; draining also kafka-streams, bare)
              --work a,b       stateless, window-count, count-1k, count-1m, distinct-1m, static-join, stream-join,
                               state-function; drain-stateless, drain-window-count from topic to topic (default all)
              --seconds N      measured seconds per turn (default 15)
              --warm-up N      seconds before that, not counted (default 15)
              --records N      records of a backlog in Kafka (default 5000000)
              --rounds N       how often each engine has its turn (default 3)
              --cores N        that each engine may use (default all)
            """;

    private static final String DRAIN = "drain-";
    private static final String ALL_WORKS = "stateless,window-count,count-1k,count-1m,distinct-1m,static-join,"
            + "stream-join,state-function,drain-stateless,drain-window-count";
    private static final String QUICK_WORKS = "stateless,count-1k,drain-stateless";

    private final Options options;
    private final Launcher launcher;
    private @Nullable KafkaStage stage;
    private @Nullable DrainTurn drain;
    private @Nullable InProcessTurn inProcess;

    public ThroughputMeasure(Options options, Launcher launcher) {
        this.options = options;
        this.launcher = launcher;
        works().forEach(work -> Workloads.of(bare(work)));
    }

    @Override
    public String id() {
        return "throughput";
    }

    @Override
    public String title() {
        return "Rows a second from a generator to nothing, and from a full topic to another";
    }

    @Override
    public List<Engine> engines() {
        return options.engines(
                Engine.MILLRACE,
                Engine.ENGINE,
                Engine.FLINK,
                Engine.FLINK_MINI_BATCH,
                Engine.SPARK,
                Engine.KAFKA_STREAMS,
                Engine.BARE);
    }

    @Override
    public List<Figure> figures() {
        return List.of(
                new Figure("rowsPerSecond", "rows", "M/s", 2, true),
                new Figure("seconds", "time", "s", 1, false),
                new Figure("rowsOut", "out", "rows", 0, false));
    }

    @Override
    public int rounds() {
        return options.whole("--rounds", 3, 1);
    }

    private List<String> works() {
        return options.list("--work", options.quick() ? QUICK_WORKS : ALL_WORKS);
    }

    private static String bare(String work) {
        return work.startsWith(DRAIN) ? work.substring(DRAIN.length()) : work;
    }

    @Override
    public List<Case> prepare(Path folder) throws IOException, InterruptedException {
        int records = options.whole("--records", 5_000_000, 50_000);
        if (works().stream().anyMatch(work -> work.startsWith(DRAIN))) {
            KafkaStage started = KafkaStage.start(launcher, folder);
            stage = started;
            drain = new DrainTurn(started, records);
        }
        inProcess = new InProcessTurn(launcher, folder, options.quick() ? 10_000 : 100_000);
        List<Case> cases = new ArrayList<>();
        for (String work : works()) {
            String description = Workloads.of(bare(work)).description();
            String title = work.startsWith(DRAIN)
                    ? "%s (%s), %,d JSON records in Kafka".formatted(work, description, records)
                    : "%s (%s), in one process".formatted(work, description);
            cases.add(new Case(work, title, Map.of("work", work)));
        }
        return cases;
    }

    @Override
    public void turn(Engine engine, Case of, int round, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        String work = of.parameter("work");
        if (work.startsWith(DRAIN)) {
            double rate = Objects.requireNonNull(drain, "prepare comes first").run(engine, bare(work), folder, draft);
            draft.figure("rowsPerSecond", rate / 1e6);
            return;
        }
        Objects.requireNonNull(inProcess, "prepare comes first")
                .measure(
                        engine,
                        work,
                        options.whole("--warm-up", 15, 2),
                        options.whole("--seconds", 15, 3),
                        folder,
                        draft);
    }

    @Override
    public void close() {
        if (stage != null) {
            stage.close();
        }
    }
}
