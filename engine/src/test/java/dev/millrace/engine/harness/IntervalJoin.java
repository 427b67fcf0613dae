package dev.millrace.engine.harness;

import dev.millrace.engine.operator.EventTimeExtractor;
import dev.millrace.engine.operator.Join;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Joins rows of one key whose times lie close enough to each other. Layout of a row: key (8 bytes),
 * time (8), value (8), padding (any size). A result is the left row, the right row and the size of
 * the left one; a row that is missing has no bytes.
 */
public final class IntervalJoin implements Join {
    /** The key that is null. */
    public static final long NULL_KEY = Long.MIN_VALUE;

    /** The time that no row is late by. */
    public static final long NO_TIME = Long.MIN_VALUE;

    /** How far a right row's time may lie before a left row's, and behind it; {@link #UNBOUNDED} for any distance. */
    public record Interval(long before, long behind) {
        public static final long UNBOUNDED = Long.MAX_VALUE;

        boolean contains(long leftTime, long rightTime) {
            boolean unknown = leftTime == NO_TIME || rightTime == NO_TIME;
            return (before == UNBOUNDED || (!unknown && rightTime >= leftTime - before))
                    && (behind == UNBOUNDED || (!unknown && rightTime <= leftTime + behind));
        }
    }

    private static final int KEY_BYTES = 8;
    private static final int FIXED_BYTES = 24;

    private final Interval interval;
    private final ShortLivedViews keys = new ShortLivedViews();
    private final ShortLivedViews results = new ShortLivedViews();

    public IntervalJoin(Interval interval) {
        this.interval = interval;
    }

    public static byte[] row(long key, long time, long value, int paddingBytes) {
        ByteBuffer row = ByteBuffer.allocate(FIXED_BYTES + paddingBytes).order(ByteOrder.nativeOrder());
        row.putLong(key).putLong(time).putLong(value);
        Arrays.fill(row.array(), FIXED_BYTES, FIXED_BYTES + paddingBytes, (byte) value);
        return row.array();
    }

    public static byte[] result(byte[] left, byte[] right) {
        return ByteBuffer.allocate(left.length + right.length + Integer.BYTES)
                .order(ByteOrder.nativeOrder())
                .put(left)
                .put(right)
                .putInt(left.length)
                .array();
    }

    public static long key(byte[] row) {
        return longAt(row, 0);
    }

    public static long time(byte[] row) {
        return longAt(row, 8);
    }

    /** Whether two rows belong together, whatever their keys ask of them. */
    public boolean isMatch(byte[] left, byte[] right) {
        return mayMatch(left)
                && mayMatch(right)
                && key(left) != NULL_KEY
                && key(left) == key(right)
                && together(left, right);
    }

    private boolean together(byte[] left, byte[] right) {
        return interval.contains(time(left), time(right)) && (longAt(left, 16) + longAt(right, 16)) % 5 != 0;
    }

    public static boolean mayMatch(byte[] row) {
        return longAt(row, 16) % 11 != 0;
    }

    @Override
    public long eventTimeMicros(Side side, RowView row) {
        long time = time(row.toBytes());
        return time == NO_TIME ? EventTimeExtractor.NO_EVENT_TIME : time;
    }

    @Override
    public boolean mayMatch(Side side, RowView row) {
        return mayMatch(row.toBytes());
    }

    @Override
    public RowView key(Side side, RowView row) {
        return keys.next(Arrays.copyOfRange(row.bytes(), row.offset(), row.offset() + KEY_BYTES));
    }

    @Override
    public boolean isNullKey(RowView key) {
        return key(key.toBytes()) == NULL_KEY;
    }

    @Override
    public long expiryMicros(Side side, RowView row, RowView key) {
        long wait = side == Side.LEFT ? interval.behind() : interval.before();
        long time = time(row.toBytes());
        return wait == Interval.UNBOUNDED || time == NO_TIME ? Long.MAX_VALUE : time + wait;
    }

    @Override
    public boolean matches(RowView left, RowView right) {
        return together(left.toBytes(), right.toBytes());
    }

    @Override
    public RowView joined(RowView left, RowView right) {
        return results.next(result(left.toBytes(), right.toBytes()));
    }

    @Override
    public RowView unmatched(Side side, RowView row) {
        byte[] none = new byte[0];
        return results.next(side == Side.LEFT ? result(row.toBytes(), none) : result(none, row.toBytes()));
    }

    private static long longAt(byte[] bytes, int offset) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()).getLong(offset);
    }
}
