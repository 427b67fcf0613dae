package dev.millrace.bench.epochs;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.bench.run.CannotRunException;
import dev.millrace.bench.run.Case;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Figure;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.run.Measure;
import dev.millrace.bench.run.Options;
import dev.millrace.bench.run.TurnDraft;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Histograms;
import dev.millrace.kafka.broker.ChildJvm;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;

/**
 * What epochs cost: the same query over much state with one long epoch and with short ones, with its checkpoint on
 * the local disk, and what a restart from there takes.
 */
public final class EpochsMeasure implements Measure {
    public static final List<String> OPTIONS =
            List.of("--rate", "--keys", "--seconds", "--warm-up", "--rounds", "--cores");
    public static final String USAGE =
            """
              --rate R         updates per second (default 10000)
              --keys N         keys in the state (default 1000000)
              --seconds N      measured seconds per turn (default 20)
              --warm-up N      seconds before that, not counted (default 10)
              --rounds N       how often each length of an epoch has its turn (default 3)
            """;

    private static final String HEAP = "-Xmx2g";
    private static final Duration START_TIMEOUT = Duration.ofMinutes(5);
    private static final double[] PERCENTILES = {50, 99, 99.9};

    private final Options options;
    private final Launcher launcher;

    public EpochsMeasure(Options options, Launcher launcher) {
        this.options = options;
        this.launcher = launcher;
    }

    @Override
    public String id() {
        return "epochs";
    }

    @Override
    public String title() {
        return "What epochs cost: latency across their ends, memory, and restarts";
    }

    @Override
    public List<Engine> engines() {
        return List.of(Engine.MILLRACE);
    }

    @Override
    public List<Figure> figures() {
        return List.of(
                new Figure("p50", "p50", "ms", 2, true),
                new Figure("p99", "p99", "ms", 2, true),
                new Figure("p99.9", "p99.9", "ms", 2, true),
                new Figure("epochs", "epochs", "", 0, false),
                new Figure("bytesPerKey", "memory per key beyond key and value", "bytes", 0, false),
                new Figure("restartMillis", "restart to the first answer", "ms", 0, false),
                new Figure("smallRestartMillis", "with next to no state, before and after", "ms", 0, false),
                new Figure("restoreRate", "restored in the time between", "MB/s", 0, false));
    }

    @Override
    public int rounds() {
        return options.whole("--rounds", 3, 1);
    }

    @Override
    public List<Case> prepare(Path folder) {
        return List.of(of("10 minutes"), of("1 second"));
    }

    private Case of(String epoch) {
        String title = "epochs of %s, %,d keys, %,d updates/s".formatted(epoch, keys(), rate());
        return new Case("epochs-" + epoch.replace(' ', '-'), title, Map.of("epoch", epoch));
    }

    private int keys() {
        return options.whole("--keys", 1_000_000, 10_000);
    }

    private int rate() {
        return options.whole("--rate", 10_000, 1_000);
    }

    @Override
    public void turn(Engine engine, Case of, int round, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        int seconds = options.whole("--seconds", 20, 3);
        int warmUpSeconds = options.whole("--warm-up", 10, 2);
        Arguments arguments = new Arguments()
                .with("folder", folder)
                .with("epoch", of.parameter("epoch"))
                .with("rate", rate())
                .with("keys", keys())
                .with("seconds", seconds)
                .with("warmUpSeconds", warmUpSeconds);
        draft.settings(Map.of("trigger", "RealTime(" + of.parameter("epoch") + ")", "heap", HEAP));
        try (ChildJvm child = launcher.start(
                new Launcher.Program(engine.runtime(), EpochsProgram.class.getName(), HEAP),
                folder,
                "engine",
                arguments)) {
            take(Launcher.await(child, "result", START_TIMEOUT.plusSeconds(seconds + warmUpSeconds)), draft);
        }
    }

    private static void take(JsonNode result, TurnDraft draft) {
        Histogram latency = Histograms.decode(result.get("histogram").asText());
        for (double percentile : PERCENTILES) {
            String name = percentile == Math.rint(percentile) ? "p" + (int) percentile : "p" + percentile;
            draft.figure(name, latency.getValueAtPercentile(percentile) / 1_000.0);
        }
        for (String name : List.of("epochs", "bytesPerKey", "restartMillis", "smallRestartMillis")) {
            draft.figure(name, result.get(name).asDouble());
        }
        double millis = result.get("restartMillis").asDouble()
                - result.get("smallRestartMillis").asDouble();
        // Nothing to say where the state made no difference that could be measured.
        if (millis > 0) {
            draft.figure("restoreRate", result.get("stateBytes").asDouble() / 1_000 / millis);
        }
        draft.histogram(result.get("histogram").asText());
    }

    @Override
    public void close() {}
}
