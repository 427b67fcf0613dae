package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.state.KeyBytes;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.engine.state.KeyedTable;
import dev.millrace.engine.state.MemoryBudget;
import java.nio.ByteBuffer;

/**
 * The keys that a deduplication has seen, each until its expiry time. In a snapshot the time is the
 * key's value: 8 bytes, the most significant first.
 *
 * <p>Thread: the owning task. Bounds: the memory budget.
 */
final class KnownKeys implements AutoCloseable {
    private static final int OWNER_OF_NO_KEY_GROUP = 0;

    /** A table wants its values to have a size. */
    private static final int UNUSED_VALUE_BYTES = 8;

    private final KeyedState state;
    private final RowView value = new RowView();
    private final byte[] valueBytes = new byte[Long.BYTES];

    KnownKeys(int keyGroupCount, MemoryBudget budget) {
        state = KeyedState.ofBytes(keyGroupCount, UNUSED_VALUE_BYTES, budget);
    }

    /** Adds a key unless it is known; true when it was not. Errors: STATE_MEMORY. */
    boolean add(int keyGroup, RowView key, long expiryMicros) {
        int hash = KeyBytes.hash(key.bytes(), key.offset(), key.sizeBytes());
        KeyedTable table = state.table(keyGroup == Page.NO_KEY_GROUP ? OWNER_OF_NO_KEY_GROUP : keyGroup);
        if (table.find(hash, key.bytes(), key.offset(), key.sizeBytes()) != KeyedTable.NONE) {
            return false;
        }
        table.add(hash, key, expiryMicros);
        return true;
    }

    /** Forgets the keys whose expiry time is at or before the watermark, and returns their number. */
    long removeExpired(long watermarkMicros) {
        return state.removeExpired(watermarkMicros);
    }

    /** Freezes all keys; {@code task} is what the operator keeps beside them. */
    FrozenState freeze(OperatorId id, Section task) {
        return FrozenEntries.of(state, id, task, this::expiryOf);
    }

    private RowView expiryOf(KeyedTable table, int entry) {
        ByteBuffer.wrap(valueBytes).putLong(table.expiryMicros(entry));
        return value.pointTo(valueBytes, 0, valueBytes.length);
    }

    /** Takes a key back; an earlier entry of it no longer counts. Errors: STATE_CORRUPT. */
    void restore(SnapshotEntry entry) {
        state.requireKeyGroup(entry.keyGroup());
        RowView restored = entry.value();
        if (restored.sizeBytes() != Long.BYTES) {
            throw new MillraceException(
                    ErrorCode.STATE_CORRUPT,
                    "Cannot restore a key of a deduplication: sizeBytes=%d, expected %d. Restart with the query that wrote it."
                            .formatted(restored.sizeBytes(), Long.BYTES));
        }
        long expiryMicros = ByteBuffer.wrap(restored.bytes()).getLong(restored.offset());
        RowView key = entry.key();
        KeyedTable table = state.table(entry.keyGroup());
        int hash = KeyBytes.hash(key.bytes(), key.offset(), key.sizeBytes());
        int earlier = table.find(hash, key.bytes(), key.offset(), key.sizeBytes());
        if (earlier != KeyedTable.NONE) {
            table.remove(earlier);
        }
        table.markUnchanged(table.add(hash, key, expiryMicros));
    }

    long count() {
        return state.rowCount();
    }

    long sizeBytes() {
        return state.sizeBytes();
    }

    @Override
    public void close() {
        state.close();
    }
}
