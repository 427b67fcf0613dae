package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.engine.state.KeyedTable;

/**
 * The buffers of a keyed aggregation in its state, of either kind.
 *
 * <p>Thread: the owning task.
 */
abstract class KeyedBuffers implements AutoCloseable {
    private final Aggregate aggregate;
    private final KeyedState<KeyedTable> state;

    KeyedBuffers(Aggregate aggregate, KeyedState<KeyedTable> state) {
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
        Aggregate.InObjects inObjects = (Aggregate.InObjects) aggregate;
        return new InObjects(
                inObjects, KeyedState.ofObjects(context.keyGroupCount(), inObjects, context.stateBudget()));
    }

    Aggregate aggregate() {
        return aggregate;
    }

    KeyedState<KeyedTable> state() {
        return state;
    }

    /** Adds a key with a fresh buffer and returns its entry. */
    abstract int add(KeyedTable table, int hash, RowView key, long expiryMicros);

    /** Changes an entry's buffer by a row. */
    abstract void update(KeyedTable table, int entry, RowView row);

    /** The result row of an entry. */
    abstract RowView result(KeyedTable table, int entry, RowView key);

    /** The result row of an entry that is not in memory, with its buffer as a snapshot has it. */
    abstract RowView result(RowView key, RowView buffer);

    @Override
    public void close() {
        state.close();
    }

    /** Buffers that are changed where they lie in the table. */
    private static final class InBytes extends KeyedBuffers {
        private final Aggregate.InBytes aggregate;
        private final byte[] initialBuffer;

        InBytes(Aggregate.InBytes aggregate, byte[] initialBuffer, KeyedState<KeyedTable> state) {
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
        RowView result(RowView key, RowView buffer) {
            return aggregate.result(key, buffer.bytes(), buffer.offset());
        }
    }

    /** Buffers that are objects beside the table. */
    private static final class InObjects extends KeyedBuffers {
        private final Aggregate.InObjects aggregate;

        InObjects(Aggregate.InObjects aggregate, KeyedState<KeyedTable> state) {
            super(aggregate, state);
            this.aggregate = aggregate;
        }

        @Override
        int add(KeyedTable table, int hash, RowView key, long expiryMicros) {
            // The key comes from the aggregate, which may give only one view at a time: it is added first.
            int entry = table.add(hash, key, expiryMicros);
            table.placeObject(entry, aggregate.newBuffer());
            return entry;
        }

        @Override
        void update(KeyedTable table, int entry, RowView row) {
            aggregate.update(table.objectToChange(entry), row);
            table.objectChanged(entry);
        }

        @Override
        RowView result(KeyedTable table, int entry, RowView key) {
            return aggregate.result(key, table.object(entry));
        }

        @Override
        RowView result(RowView key, RowView buffer) {
            return aggregate.result(key, aggregate.deserialize(buffer));
        }
    }
}
