package dev.millrace.bench.inprocess;

import dev.millrace.bench.run.CannotRunException;
import dev.millrace.bench.run.Case;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Figure;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.run.Measure;
import dev.millrace.bench.run.Options;
import dev.millrace.bench.run.TurnDraft;
import dev.millrace.bench.workload.NexmarkQueries;
import dev.millrace.bench.workload.Workload;
import dev.millrace.bench.workload.Workloads;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Nexmark's queries from a generator to nothing: how many events a second each engine takes. */
public final class NexmarkMeasure implements Measure {
    public static final List<String> OPTIONS =
            List.of("--engines", "--queries", "--seconds", "--warm-up", "--rounds", "--cores");
    public static final String USAGE =
            """
              --engines a,b    the first is what the others are compared with
                               (default millrace,flink,flink-mini-batch,spark)
              --queries a,b    q0 to q22 (default all)
              --seconds N      measured seconds per turn (default 10)
              --warm-up N      seconds before that, not counted (default 10)
              --rounds N       how often each engine has its turn (default 1)
              --cores N        that each engine may use (default all)
            """;

    /** Half a minute of events: windows open and close, and are compared but for the last. */
    private static final int CHECKED_ROWS = 300_000;

    private static final String CLOCK = "q12";

    private final Options options;
    private final Launcher launcher;
    private @Nullable InProcessTurn turn;

    public NexmarkMeasure(Options options, Launcher launcher) {
        this.options = options;
        this.launcher = launcher;
        queries().stream().filter(query -> !query.equals(CLOCK)).forEach(Workloads::of);
    }

    @Override
    public String id() {
        return "nexmark";
    }

    @Override
    public String title() {
        return "Nexmark: events a second from a generator to nothing";
    }

    @Override
    public List<Engine> engines() {
        return options.engines(Engine.MILLRACE, Engine.FLINK, Engine.FLINK_MINI_BATCH, Engine.SPARK);
    }

    @Override
    public List<Figure> figures() {
        return List.of(new Figure("rowsPerSecond", "events", "M/s", 3, true));
    }

    @Override
    public int rounds() {
        return options.whole("--rounds", 1, 1);
    }

    private List<String> queries() {
        String all = NexmarkQueries.all().stream().map(Workload::id).collect(Collectors.joining(","));
        return options.list("--queries", options.quick() ? "q1,q7,q20" : all + "," + CLOCK);
    }

    @Override
    public List<Case> prepare(Path folder) {
        turn = new InProcessTurn(launcher, folder, CHECKED_ROWS);
        List<Case> cases = new ArrayList<>();
        for (String query : queries()) {
            String description = query.equals(CLOCK)
                    ? "bids in windows of the engine's clock"
                    : Workloads.of(query).description();
            cases.add(new Case(query, query + ": " + description, Map.of("work", query)));
        }
        return cases;
    }

    @Override
    public void turn(Engine engine, Case of, int round, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        if (of.id().equals(CLOCK)) {
            throw new CannotRunException("its windows are of the engine's own clock, so answers cannot be compared");
        }
        Objects.requireNonNull(turn, "prepare comes first")
                .measure(
                        engine,
                        of.parameter("work"),
                        options.whole("--warm-up", 10, 2),
                        options.whole("--seconds", 10, 3),
                        folder,
                        draft);
    }

    @Override
    public void close() {}
}
