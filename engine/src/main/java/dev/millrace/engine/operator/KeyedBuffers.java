package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.state.KeyBytes;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.engine.state.KeyedTable;

/**
 * The buffers of a keyed aggregation in its state, of either kind.
 *
 * <p>Thread: the owning task.
 */
abstract class KeyedBuffers implements AutoCloseable {
    private final Aggregate aggregate;
    private final KeyedState state;

    KeyedBuffers(Aggregate aggregate, KeyedState state) {
        this.aggregate = aggregate;
        this.state = state;
    }

    static KeyedBuffers open(Aggregate aggregate, OperatorContext context) {
        if (aggregate instanceof Aggregate.InBytes inBytes) {
            byte[] initial = inBytes.initialBuffer().toBytes();
            return new InBytes(
                    inBytes,
                    initial,
                    KeyedState.ofBytes(context.keyGroupCount(), initial.length, context.stateBudget()));
        }
        return new InObjects(
                (Aggregate.InObjects) aggregate, KeyedState.ofObjects(context.keyGroupCount(), context.stateBudget()));
    }

    Aggregate aggregate() {
        return aggregate;
    }

    KeyedState state() {
        return state;
    }

    /** Adds a key with a fresh buffer and returns its entry. */
    abstract int add(KeyedTable table, int hash, RowView key, long expiryMicros);

    /** Changes an entry's buffer by a row. */
    abstract void update(KeyedTable table, int entry, RowView row);

    /** The result row of an entry. */
    abstract RowView result(KeyedTable table, int entry, RowView key);

    /** The bytes of an entry's buffer. */
    abstract RowView serialize(KeyedTable table, int entry);

    /** Gives an entry the buffer that bytes say; the entry may be new, and then has a fresh one. */
    abstract void restore(KeyedTable table, int entry, RowView buffer);

    /** Freezes all buffers; {@code task} is what the operator keeps beside them. */
    FrozenState freeze(OperatorId id, Section task) {
        return FrozenEntries.of(state, id, task, this::serialize);
    }

    void restore(SnapshotEntry entry) {
        state.requireKeyGroup(entry.keyGroup());
        RowView key = entry.key();
        KeyedTable table = state.table(entry.keyGroup());
        int hash = KeyBytes.hash(key.bytes(), key.offset(), key.sizeBytes());
        int found = table.find(hash, key.bytes(), key.offset(), key.sizeBytes());
        if (found == KeyedTable.NONE) {
            found = add(table, hash, key, aggregate.expiryMicros(key));
        }
        restore(table, found, entry.value());
        table.markUnchanged(found);
    }

    @Override
    public void close() {
        state.close();
    }

    /** Buffers that are changed where they lie in the table. */
    private static final class InBytes extends KeyedBuffers {
        private final Aggregate.InBytes aggregate;
        private final byte[] initialBuffer;
        private final RowView buffer = new RowView();

        InBytes(Aggregate.InBytes aggregate, byte[] initialBuffer, KeyedState state) {
            super(aggregate, state);
            this.aggregate = aggregate;
            this.initialBuffer = initialBuffer;
        }

        @Override
        int add(KeyedTable table, int hash, RowView key, long expiryMicros) {
            int entry = table.add(hash, key, expiryMicros);
            byte[] bytes = table.bytesToChange(entry);
            System.arraycopy(initialBuffer, 0, bytes, table.valueOffset(entry), initialBuffer.length);
            return entry;
        }

        @Override
        void update(KeyedTable table, int entry, RowView row) {
            aggregate.update(table.bytesToChange(entry), table.valueOffset(entry), row);
        }

        @Override
        RowView result(KeyedTable table, int entry, RowView key) {
            return aggregate.result(key, table.bytes(entry), table.valueOffset(entry));
        }

        @Override
        RowView serialize(KeyedTable table, int entry) {
            return buffer.pointTo(table.bytes(entry), table.valueOffset(entry), table.valueSizeBytes());
        }

        @Override
        void restore(KeyedTable table, int entry, RowView restored) {
            if (restored.sizeBytes() != initialBuffer.length) {
                throw new MillraceException(
                        ErrorCode.STATE_CORRUPT,
                        "Cannot restore an aggregation's buffer: sizeBytes=%d, expected %d. Restart with the query that wrote it."
                                .formatted(restored.sizeBytes(), initialBuffer.length));
            }
            byte[] bytes = table.bytesToChange(entry);
            System.arraycopy(
                    restored.bytes(), restored.offset(), bytes, table.valueOffset(entry), initialBuffer.length);
        }
    }

    /** Buffers that are objects beside the table. */
    private static final class InObjects extends KeyedBuffers {
        private final Aggregate.InObjects aggregate;

        InObjects(Aggregate.InObjects aggregate, KeyedState state) {
            super(aggregate, state);
            this.aggregate = aggregate;
        }

        @Override
        int add(KeyedTable table, int hash, RowView key, long expiryMicros) {
            // The key comes from the aggregate, which may give only one view at a time: it is added first.
            int entry = table.add(hash, key, expiryMicros);
            place(table, entry, aggregate.newBuffer());
            return entry;
        }

        private void place(KeyedTable table, int entry, Object buffer) {
            table.placeObject(entry, buffer, aggregate.estimatedBytes(buffer));
        }

        @Override
        void update(KeyedTable table, int entry, RowView row) {
            Object buffer = table.objectToChange(entry);
            aggregate.update(buffer, row);
            if (table.isObjectSizeDue(entry)) {
                table.objectResized(entry, aggregate.estimatedBytes(buffer));
            }
        }

        @Override
        RowView result(KeyedTable table, int entry, RowView key) {
            return aggregate.result(key, table.object(entry));
        }

        @Override
        RowView serialize(KeyedTable table, int entry) {
            return aggregate.serialize(table.object(entry));
        }

        @Override
        void restore(KeyedTable table, int entry, RowView restored) {
            Object buffer = aggregate.deserialize(restored);
            table.replaceObject(entry, buffer, aggregate.estimatedBytes(buffer));
        }
    }
}
