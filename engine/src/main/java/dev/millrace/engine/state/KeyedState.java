package dev.millrace.engine.state;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import org.jspecify.annotations.Nullable;

/**
 * The keyed state of one operator in one task: one table per key group, made when its first row comes.
 *
 * <p>Thread: the owning task. Bounds: the memory budget, from which all tables reserve.
 */
public final class KeyedState implements AutoCloseable {
    /** What a table takes before its first entry, with its queue and arena. */
    private static final int EMPTY_TABLE_BYTES = 256;

    private final StateLedger ledger;
    private final boolean ofObjects;
    private final int valueSizeBytes;
    private final @Nullable KeyedTable[] tables;

    /** The first key group that may have something frozen left to write. */
    private int frozenKeyGroup;

    private KeyedState(int keyGroupCount, boolean ofObjects, int valueSizeBytes, MemoryBudget budget) {
        this.ledger = new StateLedger(budget);
        this.ofObjects = ofObjects;
        this.valueSizeBytes = valueSizeBytes;
        this.tables = new KeyedTable[keyGroupCount];
        this.frozenKeyGroup = keyGroupCount;
    }

    /** State whose values are bytes, all of one size. */
    public static KeyedState ofBytes(int keyGroupCount, int valueSizeBytes, MemoryBudget budget) {
        return new KeyedState(keyGroupCount, false, valueSizeBytes, budget);
    }

    /** State whose values are hot objects. */
    public static KeyedState ofObjects(int keyGroupCount, MemoryBudget budget) {
        return new KeyedState(keyGroupCount, true, 0, budget);
    }

    /** The table of a key group. Errors: STATE_MEMORY when it has to be made and there is no room. */
    public KeyedTable table(int keyGroup) {
        KeyedTable table = tables[keyGroup];
        return table == null ? newTable(keyGroup) : table;
    }

    private KeyedTable newTable(int keyGroup) {
        ledger.take(EMPTY_TABLE_BYTES);
        KeyedTable table = ofObjects ? KeyedTable.ofObjects(ledger) : KeyedTable.ofBytes(ledger, valueSizeBytes);
        tables[keyGroup] = table;
        return table;
    }

    /** The table of a key group that has had a row, or null. */
    public @Nullable KeyedTable existingTable(int keyGroup) {
        return tables[keyGroup];
    }

    public int keyGroupCount() {
        return tables.length;
    }

    /** Errors: STATE_CORRUPT unless the number is that of a key group; for numbers that were read. */
    public void requireKeyGroup(int keyGroup) {
        if (keyGroup < 0 || keyGroup >= tables.length) {
            throw new MillraceException(
                    ErrorCode.STATE_CORRUPT,
                    "Cannot restore state: keyGroup=%d, keyGroups=%d. Restart from an earlier epoch or a new checkpoint."
                            .formatted(keyGroup, tables.length));
        }
    }

    /** Removes all entries whose expiry time is at or before the watermark, and returns their number. */
    public long removeExpired(long watermarkMicros) {
        if (watermarkMicros < ledger.earliestExpiryMicros()) {
            return 0;
        }
        long removed = 0;
        long earliestMicros = Long.MAX_VALUE;
        for (KeyedTable table : tables) {
            if (table != null) {
                if (table.earliestExpiryMicros() <= watermarkMicros) {
                    removed += table.removeExpired(watermarkMicros);
                }
                earliestMicros = Math.min(earliestMicros, table.earliestExpiryMicros());
            }
        }
        ledger.earliestExpiryMicros(earliestMicros);
        return removed;
    }

    /** Puts an entry of a key group into a snapshot; {@code base} where all entries of it will come. */
    @FunctionalInterface
    public interface EntryWriter {
        /** Returns how many bytes it were. */
        int write(int keyGroup, boolean base, KeyedTable table, int entry);
    }

    /**
     * Freezes all entries as they are for a snapshot that {@link #writeFrozen} then writes in slices.
     * What an earlier snapshot still has to write is written first.
     */
    public void freeze(EntryWriter writer) {
        while (!writeFrozen(Integer.MAX_VALUE)) {
            continue;
        }
        int ended = ledger.epoch();
        for (int keyGroup = 0; keyGroup < tables.length; keyGroup++) {
            KeyedTable table = tables[keyGroup];
            if (table != null) {
                int group = keyGroup;
                boolean base = table.needsBase();
                table.freeze(ended, base, (of, entry) -> writer.write(group, base, of, entry));
            }
        }
        ledger.epoch(ended + 1);
        frozenKeyGroup = 0;
    }

    /** Writes about so many bytes of what is frozen; true when that was all. */
    public boolean writeFrozen(int sizeBytes) {
        int left = sizeBytes;
        while (frozenKeyGroup < tables.length) {
            KeyedTable table = tables[frozenKeyGroup];
            if (table != null) {
                left -= table.writeFrozen(left);
                if (table.isFrozen()) {
                    return false;
                }
            }
            frozenKeyGroup++;
        }
        return true;
    }

    public long rowCount() {
        return ledger.rowCount();
    }

    /** The memory that all tables take, garbage and room to grow included. */
    public long sizeBytes() {
        return ledger.usedBytes();
    }

    /** Forgets all state and gives its memory back. */
    @Override
    public void close() {
        java.util.Arrays.fill(tables, null);
        ledger.close();
    }
}
