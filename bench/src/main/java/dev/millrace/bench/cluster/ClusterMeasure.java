package dev.millrace.bench.cluster;

import dev.millrace.bench.kafka.KafkaStage;
import dev.millrace.bench.kafka.LatencyTurn;
import dev.millrace.bench.run.CannotRunException;
import dev.millrace.bench.run.Case;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Figure;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.run.Measure;
import dev.millrace.bench.run.Options;
import dev.millrace.bench.run.TurnDraft;
import dev.millrace.bench.spark.SparkEngine;
import dev.millrace.bench.workload.Workloads;
import dev.millrace.spark.standalone.StandaloneCluster;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The windowed count, Kafka to Kafka, on two executors of a standalone master with one loop each: its latency beside
 * that of one process with two loops, and how long it is away when an executor is killed or frozen.
 */
public final class ClusterMeasure implements Measure {
    public static final List<String> OPTIONS =
            List.of("--cases", "--rate", "--seconds", "--warm-up", "--losses", "--rounds", "--cores");
    public static final String USAGE =
            """
              --cases a,b      latency, kill, freeze (default all)
              --rate R         records per second (default 1000)
              --seconds N      measured seconds per turn of latency (default 20)
              --warm-up N      seconds before that, not counted (default 10)
              --losses N       executors killed or frozen per turn (default 5)
              --rounds N       how often each has its turn (default 3)
            """;

    static final int EXECUTOR_COUNT = 2;

    private static final String LATENCY = "latency";
    private static final List<String> CASES = List.of(LATENCY, "kill", "freeze");

    /** One is the worker's loop, the other is for Spark's own jobs. */
    private static final int CORES_EACH = 2;

    private static final List<Figure> OF_LOSSES = List.of(
            new Figure("detection", "loss to detection", "ms", 0, false),
            new Figure("firstRow", "detection to first row", "ms", 0, false),
            new Figure("newRow", "detection to first new row", "ms", 0, false),
            new Figure("longestNewRow", "longest", "ms", 0, false));

    private final Options options;
    private final Launcher launcher;
    private final List<String> cases;
    private @Nullable KafkaStage stage;
    private @Nullable StandaloneCluster cluster;

    public ClusterMeasure(Options options, Launcher launcher) {
        this.options = options;
        this.launcher = launcher;
        this.cases = options.list("--cases", String.join(",", CASES));
        for (String name : cases) {
            if (!CASES.contains(name)) {
                throw new IllegalArgumentException(
                        "Cannot measure: unknown case=%s. Choose from %s.".formatted(name, CASES));
            }
        }
    }

    @Override
    public String id() {
        return "cluster";
    }

    @Override
    public String title() {
        return "Two executors: latency beside one process, and the way back from the loss of one";
    }

    @Override
    public List<Engine> engines() {
        return List.of(Engine.MILLRACE, Engine.MILLRACE_CLUSTER);
    }

    @Override
    public List<Engine> engines(Case of) {
        return of.id().equals(LATENCY) ? engines() : List.of(Engine.MILLRACE_CLUSTER);
    }

    @Override
    public List<Figure> figures() {
        List<Figure> all = new ArrayList<>(LatencyTurn.FIGURES);
        all.addAll(OF_LOSSES);
        return all;
    }

    @Override
    public int rounds() {
        return options.whole("--rounds", 3, 1);
    }

    private int rate() {
        return options.whole("--rate", 1_000, 1_000);
    }

    @Override
    public List<Case> prepare(Path folder) throws IOException, InterruptedException {
        stage = KafkaStage.start(launcher, folder);
        cluster = StandaloneCluster.start(folder.resolve("cluster"), EXECUTOR_COUNT, CORES_EACH, Map.of());
        return cases.stream().map(name -> new Case(name, title(name), Map.of())).toList();
    }

    private String title(String name) {
        String what = Workloads.of(Workloads.WINDOW_COUNT).description();
        return switch (name) {
            case LATENCY -> "latency (%s), %,d records/s, two loops in all".formatted(what, rate());
            case "kill" -> "an executor is killed (%s), %,d records/s".formatted(what, rate());
            default -> "an executor is frozen (%s), %,d records/s".formatted(what, rate());
        };
    }

    @Override
    public void turn(Engine engine, Case of, int round, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        KafkaStage ready = Objects.requireNonNull(stage, "prepare comes first");
        StandaloneCluster executors = Objects.requireNonNull(cluster, "prepare comes first");
        Map<String, String> settings = settings(engine, executors);
        if (of.id().equals(LATENCY)) {
            new LatencyTurn(ready, options.whole("--warm-up", 10, 2), options.whole("--seconds", 20, 3))
                    .run(engine, Workloads.WINDOW_COUNT, rate(), settings, folder, draft);
        } else {
            LossTurn.Kind kind = LossTurn.Kind.valueOf(of.id().toUpperCase(Locale.ROOT));
            new LossTurn(ready, executors, kind, rate()).run(options.whole("--losses", 5, 1), settings, folder, draft);
        }
    }

    private static Map<String, String> settings(Engine engine, StandaloneCluster executors) {
        Map<String, String> settings = new TreeMap<>();
        if (engine == Engine.MILLRACE) {
            settings.put("spark.millrace.loops", Integer.toString(EXECUTOR_COUNT));
        } else {
            settings.putAll(executors.settings());
            settings.put(SparkEngine.MASTER, executors.master());
            settings.put("spark.millrace.workers", Integer.toString(EXECUTOR_COUNT));
            settings.put("spark.millrace.loops", "1");
        }
        return settings;
    }

    @Override
    public void close() {
        if (cluster != null) {
            cluster.close();
        }
        if (stage != null) {
            stage.close();
        }
    }
}
