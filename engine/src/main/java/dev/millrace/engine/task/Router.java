package dev.millrace.engine.task;

import dev.millrace.engine.exchange.KeyGroupFunction;
import dev.millrace.engine.exchange.KeyGroups;
import org.jspecify.annotations.Nullable;

/**
 * Which of an edge's channels a row goes to.
 *
 * @param kind the way
 * @param keyGroups for HASH: the row's key group
 * @param keyGroupCount for HASH: how many there are
 */
public record Router(Kind kind, @Nullable KeyGroupFunction keyGroups, int keyGroupCount) {
    /** The ways; see the graph's exchanges. ONE is the first channel, whatever others there are for marks. */
    public enum Kind {
        ONE,
        HASH,
        BROADCAST,
        REBALANCE
    }

    /** Rows go to the edge's first channel. */
    public static Router one() {
        return new Router(Kind.ONE, null, 0);
    }

    /** Rows go to the owner of their key group. */
    public static Router hash(KeyGroupFunction keyGroups, int keyGroupCount) {
        return new Router(Kind.HASH, keyGroups, keyGroupCount);
    }

    public static Router broadcast() {
        return new Router(Kind.BROADCAST, null, 0);
    }

    public static Router rebalance() {
        return new Router(Kind.REBALANCE, null, 0);
    }

    int keyGroup(byte[] bytes, int offset, int sizeBytes) {
        KeyGroupFunction function = keyGroups;
        if (function == null) {
            throw new IllegalStateException("Cannot route by key: kind=" + kind);
        }
        return function.keyGroup(bytes, offset, sizeBytes);
    }

    int target(int keyGroup, int targetCount) {
        return KeyGroups.owner(keyGroup, keyGroupCount, targetCount);
    }
}
