package dev.millrace.spark.execution;

import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.engine.state.SpillStore;
import dev.millrace.spark.settings.MillraceSettings;
import java.nio.file.Path;
import org.apache.spark.SparkEnv;
import org.apache.spark.util.Utils;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory for keyed state that all queries of this process share, and where state goes that has no
 * room in it. Thread: any.
 */
final class StateMemory {
    private static final Logger LOG = LoggerFactory.getLogger(StateMemory.class);
    private static @Nullable StateMemory shared;

    private final MemoryBudget budget;
    private final boolean spills;
    private final String directory;

    private StateMemory(MillraceSettings settings) {
        this.spills = settings.spillsState();
        this.directory = settings.spillDirectory();
        SpillStore store = spills ? new SpillStore(this::newFolder) : null;
        this.budget = new MemoryBudget(settings.stateMemoryBytes(), store);
    }

    /** A folder that Spark deletes when the process ends, should it still be there. */
    private Path newFolder() {
        String parent = directory.isEmpty() ? Utils.getLocalDir(SparkEnv.get().conf()) : directory;
        return Utils.createTempDir(parent, "millrace-state").toPath();
    }

    /** The process's budget. How it is set can change only while no query holds state. */
    static synchronized MemoryBudget budget(MillraceSettings settings) {
        StateMemory current = shared;
        if (current != null && current.isAs(settings)) {
            return current.budget;
        }
        if (current != null && current.budget.usedBytes() > 0) {
            LOG.warn(
                    "spark.millrace.state.memory={}, state.spill={} and state.spill.directory={} have no effect while other queries hold state; they stay {}, {} and {}.",
                    settings.stateMemoryBytes(),
                    settings.spillsState(),
                    settings.spillDirectory(),
                    current.budget.limitBytes(),
                    current.spills,
                    current.directory);
            return current.budget;
        }
        StateMemory fresh = new StateMemory(settings);
        shared = fresh;
        return fresh.budget;
    }

    private boolean isAs(MillraceSettings settings) {
        return budget.limitBytes() == settings.stateMemoryBytes()
                && spills == settings.spillsState()
                && directory.equals(settings.spillDirectory());
    }
}
