package dev.millrace.bench.inprocess;

import dev.millrace.bench.run.CannotRunException;
import dev.millrace.bench.run.Case;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Figure;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.run.Measure;
import dev.millrace.bench.run.Options;
import dev.millrace.bench.run.TurnDraft;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What a key of a count, sum and maximum takes: the difference between a million keys and a thousand, in two JVMs. */
public final class MemoryMeasure implements Measure {
    public static final List<String> OPTIONS = List.of("--engines", "--rounds", "--cores");
    public static final String USAGE =
            """
              --engines a,b    the first is what the others are compared with (default millrace,flink)
              --rounds N       how often each engine has its turn (default 3)
            """;

    private static final String MANY = "count-1m";
    private static final String FEW = "count-1k";
    private static final int MANY_KEYS = 1_000_000;
    private static final int FEW_KEYS = 1_000;

    /** Of keys at random; all but one in three thousand come up in so many rows for each. */
    private static final int ROWS_PER_KEY = 8;

    private final Options options;
    private final Launcher launcher;
    private @Nullable InProcessTurn turn;

    public MemoryMeasure(Options options, Launcher launcher) {
        this.options = options;
        this.launcher = launcher;
    }

    @Override
    public String id() {
        return "memory";
    }

    @Override
    public String title() {
        return "Memory for each key of a count, sum and maximum over longs";
    }

    @Override
    public List<Engine> engines() {
        return options.engines(Engine.MILLRACE, Engine.FLINK);
    }

    @Override
    public List<Figure> figures() {
        return List.of(
                new Figure("bytesPerKey", "a key", "bytes", 0, true),
                new Figure("usedMegabytes", "all, with 1,000,000 keys", "MB", 0, true));
    }

    @Override
    public int rounds() {
        return options.whole("--rounds", 3, 1);
    }

    @Override
    public List<Case> prepare(Path folder) {
        turn = new InProcessTurn(launcher, folder, 1);
        return List.of(new Case(MANY, "a key of 8 bytes, a value of 24", Map.of()));
    }

    @Override
    public void turn(Engine engine, Case of, int round, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        InProcessTurn programs = Objects.requireNonNull(turn, "prepare comes first");
        long rows = (long) MANY_KEYS * ROWS_PER_KEY;
        long many = programs.usedBytes(engine, MANY, rows, folder.resolve("many"));
        long few = programs.usedBytes(engine, FEW, rows, folder.resolve("few"));
        draft.figure("bytesPerKey", (many - few) / (double) (MANY_KEYS - FEW_KEYS));
        draft.figure("usedMegabytes", many / 1e6);
    }

    @Override
    public void close() {}
}
