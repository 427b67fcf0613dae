package dev.millrace.engine.harness;

import dev.millrace.engine.operator.Aggregate;
import dev.millrace.engine.page.RowView;
import java.util.ArrayList;
import java.util.List;

/** All values of a key in their order over {@link KeyedRows}, in a buffer that is an object. */
public final class CollectValues implements Aggregate.InObjects {
    private final ShortLivedViews views = new ShortLivedViews();

    @Override
    public RowView key(RowView row) {
        return views.next(KeyedRows.key(row));
    }

    @Override
    public long expiryMicros(RowView key) {
        return KeyedRows.expiryMicros(key.toBytes());
    }

    @Override
    public Object newBuffer() {
        views.end();
        return new ArrayList<Long>();
    }

    @Override
    public void update(Object buffer, RowView row) {
        views.end();
        values(buffer).add(KeyedRows.value(row));
    }

    @Override
    public void merge(Object buffer, Object other) {
        views.end();
        values(buffer).addAll(values(other));
    }

    @Override
    public RowView result(RowView key, Object buffer) {
        return views.next(KeyedRows.result(key.toBytes(), bytes(buffer)));
    }

    @Override
    public RowView serialize(Object buffer) {
        return views.next(bytes(buffer));
    }

    @Override
    public Object deserialize(RowView bytes) {
        views.end();
        List<Long> values = new ArrayList<>();
        for (int at = 0; at < bytes.sizeBytes(); at += Long.BYTES) {
            values.add(KeyedRows.value(bytes.bytes(), bytes.offset() + at));
        }
        return values;
    }

    @Override
    public long estimatedBytes(Object buffer) {
        views.end();
        return 64 + 24L * values(buffer).size();
    }

    private static byte[] bytes(Object buffer) {
        return KeyedRows.longs(
                values(buffer).stream().mapToLong(Long::longValue).toArray());
    }

    @SuppressWarnings("unchecked")
    private static List<Long> values(Object buffer) {
        return (List<Long>) buffer;
    }
}
