package dev.millrace.engine.harness;

import static dev.millrace.engine.state.EntryTable.NEVER;
import static dev.millrace.engine.state.EntryTable.NONE;

import dev.millrace.engine.operator.GroupFunction;
import dev.millrace.engine.operator.GroupRows;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.state.KeyBytes;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.engine.state.KeyedTable;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Counts the rows of each key, gives back each row that it is called with, and once the time of the key's
 * first row is over gives the key and its count and forgets it. Rows are {@link KeyedRows}, whose expiry
 * time is what a key waits for.
 */
public final class CountsByKey implements GroupFunction {
    private record Due(int keyGroup, byte[] key) {}

    private final TimeDomain timeDomain;
    private final KeyedState<KeyedTable> counts;
    private final Deque<byte[]> results = new ArrayDeque<>();
    private final Deque<Due> due = new ArrayDeque<>();
    private final RowView view = new RowView();
    private final RowView result = new RowView();

    public CountsByKey(TimeDomain timeDomain, OperatorContext context) {
        this.timeDomain = timeDomain;
        counts = KeyedState.ofBytes(context.keyGroupCount(), Long.BYTES, context.stateBudget());
    }

    @Override
    public TimeDomain timeDomain() {
        return timeDomain;
    }

    @Override
    public RowView key(RowView row) {
        byte[] key = KeyedRows.key(row);
        return new RowView().pointTo(key, 0, key.length);
    }

    @Override
    public boolean isLate(RowView row, long watermarkMicros) {
        return KeyedRows.expiryMicros(key(row).toBytes()) <= watermarkMicros;
    }

    @Override
    public long eventTimeMicros(RowView row) {
        return KeyedRows.expiryMicros(key(row).toBytes());
    }

    @Override
    public void present(long watermarkMicros, long timeMillis) {}

    private static int hash(RowView key) {
        return KeyBytes.hash(key.bytes(), key.offset(), key.sizeBytes());
    }

    @Override
    public void call(int keyGroup, RowView key, GroupRows rows) {
        KeyedTable table = counts.table(keyGroup);
        int entry = table.find(hash(key), key);
        if (entry == NONE) {
            entry = table.add(hash(key), key, KeyedRows.expiryMicros(key.toBytes()));
        }
        long count = 0;
        while (rows.hasNext()) {
            results.add(rows.next().toBytes());
            count++;
        }
        int at = table.valueOffset(entry);
        ByteBuffer value = ByteBuffer.wrap(table.bytesToChange(entry));
        value.putLong(at, value.getLong(at) + count);
    }

    @Override
    public long dueMicros() {
        return counts.earliestExpiryMicros();
    }

    @Override
    public boolean gatherDue(long nowMicros) {
        boolean unused = counts.expire(nowMicros, 3, (keyGroup, table, entry) -> {
            due.add(new Due(keyGroup, table.key(entry, view).toBytes()));
            return table.changeExpiry(entry, NEVER) != NONE;
        });
        return !due.isEmpty();
    }

    @Override
    public boolean callDue() {
        Due next = due.poll();
        if (next == null) {
            return false;
        }
        RowView key = new RowView().pointTo(next.key(), 0, next.key().length);
        KeyedTable table = counts.table(next.keyGroup());
        int entry = table.find(hash(key), key);
        long count = ByteBuffer.wrap(table.bytes(entry)).getLong(table.valueOffset(entry));
        results.add(KeyedRows.result(next.key(), KeyedRows.longs(count)));
        table.remove(entry);
        return true;
    }

    @Override
    public boolean callInitial() {
        return false;
    }

    @Override
    public @Nullable RowView next() {
        byte[] next = results.poll();
        return next == null ? null : result.pointTo(next, 0, next.length);
    }

    @Override
    public FrozenState freeze(OperatorId id) {
        return counts.freeze(id, 0);
    }

    @Override
    public void restore(Section section) throws Exception {
        counts.restore(section);
    }

    @Override
    public void restored() {}

    @Override
    public void close() {
        counts.close();
    }
}
