package dev.millrace.engine.harness;

import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.engine.state.SpillFolder;
import java.nio.file.Path;
import java.util.Random;

/** Memory for state from which all that may goes to local disk whenever it can. */
public final class Spilling {
    private static final long LIMIT_BYTES = 64L << 20;

    private Spilling() {}

    public static MemoryBudget budget() {
        Path place = Path.of(System.getProperty("java.io.tmpdir"));
        return new MemoryBudget(LIMIT_BYTES, () -> SpillFolder.in(place), 0);
    }

    /** In one of so many cases such a budget, else one that state stays within. */
    public static MemoryBudget budgetInOneOf(int cases, Random random) {
        return random.nextInt(cases) == 0 ? budget() : new MemoryBudget(Long.MAX_VALUE);
    }
}
