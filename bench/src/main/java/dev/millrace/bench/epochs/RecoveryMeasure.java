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
import dev.millrace.kafka.broker.ChildJvm;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;

/**
 * How long a query is away when a function of its fails: from the error in a task to the first row that is read
 * again, with next to no state and with much.
 */
public final class RecoveryMeasure implements Measure {
    public static final List<String> OPTIONS = List.of("--rate", "--keys", "--failures", "--rounds", "--cores");
    public static final String USAGE =
            """
              --rate R         updates per second (default 10000)
              --keys N         keys of the case with much state (default 1000000)
              --failures N     per turn (default 7)
              --rounds N       how often each case has its turn (default 3)
            """;

    private static final String EPOCH = "1 second";
    private static final String HEAP = "-Xmx2g";
    private static final int FEW_KEYS = 2;
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    private final Options options;
    private final Launcher launcher;

    public RecoveryMeasure(Options options, Launcher launcher) {
        this.options = options;
        this.launcher = launcher;
    }

    @Override
    public String id() {
        return "recovery";
    }

    @Override
    public String title() {
        return "From a task's error to the first row of the replay";
    }

    @Override
    public List<Engine> engines() {
        return List.of(Engine.MILLRACE);
    }

    @Override
    public List<Figure> figures() {
        return List.of(
                new Figure("medianMillis", "median", "ms", 0, true),
                new Figure("longestMillis", "longest", "ms", 0, true),
                new Figure("firstMillis", "first of the process", "ms", 0, false));
    }

    @Override
    public int rounds() {
        return options.whole("--rounds", 3, 1);
    }

    @Override
    public List<Case> prepare(Path folder) {
        return List.of(of(FEW_KEYS), of(options.whole("--keys", 1_000_000, 10_000)));
    }

    private Case of(int keys) {
        String title = "%,d keys, %,d updates/s, epochs of %s".formatted(keys, rate(), EPOCH);
        return new Case("recovery-" + keys, title, Map.of("keys", String.valueOf(keys)));
    }

    private int rate() {
        return options.whole("--rate", 10_000, 1_000);
    }

    @Override
    public void turn(Engine engine, Case of, int round, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        Arguments arguments = new Arguments()
                .with("folder", folder)
                .with("epoch", EPOCH)
                .with("rate", rate())
                .with("keys", of.parameter("keys"))
                .with("failures", options.whole("--failures", 7, 2));
        draft.settings(Map.of("trigger", "RealTime(" + EPOCH + ")", "heap", HEAP));
        try (ChildJvm child = launcher.start(
                new Launcher.Program(engine.runtime(), RecoveryProgram.class.getName(), HEAP),
                folder,
                "engine",
                arguments)) {
            take(Launcher.await(child, "result", PATIENCE).get("replayMillis"), draft);
        }
    }

    private static void take(JsonNode all, TurnDraft draft) {
        double[] millis = StreamSupport.stream(all.spliterator(), false)
                .mapToDouble(JsonNode::asDouble)
                .toArray();
        draft.figure("firstMillis", millis[0]);
        Arrays.sort(millis);
        draft.figure("medianMillis", millis[millis.length / 2]);
        draft.figure("longestMillis", millis[millis.length - 1]);
    }

    @Override
    public void close() {}
}
