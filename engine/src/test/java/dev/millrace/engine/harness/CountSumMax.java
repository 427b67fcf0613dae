package dev.millrace.engine.harness;

import dev.millrace.engine.operator.Aggregate;
import dev.millrace.engine.page.RowView;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Count, sum and maximum over {@link KeyedRows}, in a buffer of bytes. */
public final class CountSumMax implements Aggregate.InBytes {
    private static final int BUFFER_BYTES = 24;

    private final ShortLivedViews views = new ShortLivedViews();
    private final boolean withoutKeys;
    private final boolean takesResults;

    /** @param withoutKeys whether all rows have one key, the empty one */
    public CountSumMax(boolean withoutKeys) {
        this(withoutKeys, false);
    }

    private CountSumMax(boolean withoutKeys, boolean takesResults) {
        this.withoutKeys = withoutKeys;
        this.takesResults = takesResults;
    }

    /** One whose rows are the results of another one. */
    public static CountSumMax ofResults(boolean withoutKeys) {
        return new CountSumMax(withoutKeys, true);
    }

    @Override
    public RowView key(RowView row) {
        if (takesResults) {
            return views.next(KeyedRows.keyBytesOfResult(row.toBytes()));
        }
        return views.next(withoutKeys ? new byte[0] : KeyedRows.key(row));
    }

    @Override
    public long expiryMicros(RowView key) {
        return withoutKeys ? Long.MAX_VALUE : KeyedRows.expiryMicros(key.toBytes());
    }

    @Override
    public RowView initialBuffer() {
        return views.next(KeyedRows.longs(0, 0, Long.MIN_VALUE));
    }

    @Override
    public void update(byte[] bytes, int offset, RowView row) {
        if (takesResults) {
            int payload = row.offset() + row.sizeBytes() - BUFFER_BYTES;
            merge(bytes, offset, row.bytes(), payload);
            return;
        }
        views.end();
        long value = KeyedRows.value(row);
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
        buffer.putLong(offset, buffer.getLong(offset) + 1);
        buffer.putLong(offset + 8, buffer.getLong(offset + 8) + value);
        buffer.putLong(offset + 16, Math.max(buffer.getLong(offset + 16), value));
    }

    @Override
    public void merge(byte[] bytes, int offset, byte[] otherBytes, int otherOffset) {
        views.end();
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
        ByteBuffer other = ByteBuffer.wrap(otherBytes).order(ByteOrder.nativeOrder());
        buffer.putLong(offset, buffer.getLong(offset) + other.getLong(otherOffset));
        buffer.putLong(offset + 8, buffer.getLong(offset + 8) + other.getLong(otherOffset + 8));
        buffer.putLong(offset + 16, Math.max(buffer.getLong(offset + 16), other.getLong(otherOffset + 16)));
    }

    @Override
    public RowView result(RowView key, byte[] bytes, int offset) {
        return views.next(KeyedRows.result(key.toBytes(), Arrays.copyOfRange(bytes, offset, offset + BUFFER_BYTES)));
    }
}
