package dev.millrace.bench.inprocess;

import dev.millrace.engine.operator.Aggregate;
import dev.millrace.engine.page.RowView;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Count, sum and max over rows of two longs, key and amount, with nothing between the engine and the
 * arithmetic: what the engine could do if its expressions were free.
 *
 * <p>Layout of a row: key, amount. Of a buffer: count, sum, max. Of a result: key, count, sum, max.
 */
public final class CountSumMax implements Aggregate.InBytes {
    public static final int ROW_BYTES = 16;
    public static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private static final int KEY_BYTES = 8;
    private static final int BUFFER_BYTES = 24;

    private final RowView key = new RowView();
    private final RowView initial = new RowView();
    private final RowView result = new RowView();
    private final byte[] resultBytes = new byte[KEY_BYTES + BUFFER_BYTES];

    public CountSumMax() {
        byte[] bytes = new byte[BUFFER_BYTES];
        LONG.set(bytes, 16, Long.MIN_VALUE);
        initial.pointTo(bytes, 0, BUFFER_BYTES);
        result.pointTo(resultBytes, 0, resultBytes.length);
    }

    @Override
    public RowView key(RowView row) {
        return key.pointTo(row.bytes(), row.offset(), KEY_BYTES);
    }

    @Override
    public RowView initialBuffer() {
        return initial;
    }

    @Override
    public void update(byte[] bytes, int offset, RowView row) {
        long amount = (long) LONG.get(row.bytes(), row.offset() + KEY_BYTES);
        LONG.set(bytes, offset, (long) LONG.get(bytes, offset) + 1);
        LONG.set(bytes, offset + 8, (long) LONG.get(bytes, offset + 8) + amount);
        LONG.set(bytes, offset + 16, Math.max((long) LONG.get(bytes, offset + 16), amount));
    }

    @Override
    public void merge(byte[] bytes, int offset, byte[] otherBytes, int otherOffset) {
        LONG.set(bytes, offset, (long) LONG.get(bytes, offset) + (long) LONG.get(otherBytes, otherOffset));
        LONG.set(bytes, offset + 8, (long) LONG.get(bytes, offset + 8) + (long) LONG.get(otherBytes, otherOffset + 8));
        long other = (long) LONG.get(otherBytes, otherOffset + 16);
        LONG.set(bytes, offset + 16, Math.max((long) LONG.get(bytes, offset + 16), other));
    }

    @Override
    public RowView result(RowView keyView, byte[] bytes, int offset) {
        System.arraycopy(keyView.bytes(), keyView.offset(), resultBytes, 0, KEY_BYTES);
        System.arraycopy(bytes, offset, resultBytes, KEY_BYTES, BUFFER_BYTES);
        return result;
    }
}
