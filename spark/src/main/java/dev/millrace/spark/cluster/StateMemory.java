package dev.millrace.spark.cluster;

import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.engine.state.SpillFolder;
import dev.millrace.spark.checkpoint.LocalCopies;
import dev.millrace.spark.settings.MillraceSettings;
import java.io.IOException;
import java.nio.file.Path;
import org.apache.spark.SparkEnv;
import org.apache.spark.util.Utils;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory for keyed state that all queries of this process share, and what else of state the process keeps in
 * Spark's first local directory: what has no room in memory, and copies of snapshot files. Thread: any.
 */
final class StateMemory {
    private static final Logger LOG = LoggerFactory.getLogger(StateMemory.class);
    private static final LocalCopies COPIES = new LocalCopies(StateMemory::spillFolder);
    private static @Nullable MemoryBudget shared;

    private StateMemory() {}

    private static SpillFolder spillFolder() throws IOException {
        String[] places = Utils.getConfiguredLocalDirs(SparkEnv.get().conf());
        return SpillFolder.in(Path.of(places[0]));
    }

    /** Copies of what queries keep in their checkpoints. */
    static LocalCopies copies() {
        return COPIES;
    }

    /**
     * The process's budget. Its limit can change only while no query holds state.
     *
     * @param wantedBytes 0 for a share of this process's heap
     */
    static synchronized MemoryBudget budget(long wantedBytes) {
        long limitBytes = wantedBytes > 0 ? wantedBytes : MillraceSettings.defaultStateMemoryBytes();
        MemoryBudget current = shared;
        if (current != null && current.limitBytes() == limitBytes) {
            return current;
        }
        if (current != null && current.usedBytes() > 0) {
            LOG.warn(
                    "spark.millrace.state.memory={} has no effect while other queries hold state; the limit stays {} bytes.",
                    limitBytes,
                    current.limitBytes());
            return current;
        }
        MemoryBudget fresh = new MemoryBudget(limitBytes, StateMemory::spillFolder);
        shared = fresh;
        return fresh;
    }
}
