package dev.millrace.spark.execution;

import dev.millrace.engine.state.MemoryBudget;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The memory for keyed state that all queries of this process share. Thread: any. */
final class StateMemory {
    private static final Logger LOG = LoggerFactory.getLogger(StateMemory.class);
    private static @Nullable MemoryBudget shared;

    private StateMemory() {}

    /** The process's budget. Its limit can change only while no query holds state. */
    static synchronized MemoryBudget budget(long limitBytes) {
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
        MemoryBudget fresh = new MemoryBudget(limitBytes);
        shared = fresh;
        return fresh;
    }
}
