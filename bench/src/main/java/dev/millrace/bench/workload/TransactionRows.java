package dev.millrace.bench.workload;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Card payments. Each payment has two rows, one behind the other: it is authorised ({@code step} 0), then
 * settled ({@code step} 1). {@code created} is in microseconds since 1970; {@code time} is the same, in milliseconds.
 */
public record TransactionRows(int cardCount) implements Rows {
    /** Of the table's first row. Units: milliseconds since 1970. */
    private static final long FIRST_MILLIS = 1_700_000_040_000L;

    private static final long MICROS_PER_ROW = 100;
    private static final int MERCHANT_COUNT = Workloads.MERCHANT_COUNT;
    private static final byte[] COUNTRY = "DE".getBytes(StandardCharsets.UTF_8);
    private static final List<Column> COLUMNS = List.of(
            new Column("card", Column.Type.INT),
            new Column("amount", Column.Type.DOUBLE),
            new Column("merchant", Column.Type.STRING),
            new Column("country", Column.Type.STRING),
            new Column("created", Column.Type.LONG),
            new Column("payment", Column.Type.LONG),
            new Column("step", Column.Type.INT),
            new Column("event_time", Column.Type.TIME));
    private static final byte[][] MERCHANTS = new byte[MERCHANT_COUNT][];

    static {
        for (int i = 0; i < MERCHANT_COUNT; i++) {
            MERCHANTS[i] = merchant(i).getBytes(StandardCharsets.UTF_8);
        }
    }

    @Override
    public List<Column> columns() {
        return COLUMNS;
    }

    @Override
    public long millis(long index) {
        return FIRST_MILLIS + index * MICROS_PER_ROW / 1_000;
    }

    @Override
    public void write(long index, RowTarget target) {
        long micros = index * MICROS_PER_ROW;
        int card = card(index);
        target.setInt(0, card);
        target.setDouble(1, amount(index));
        target.setString(2, MERCHANTS[card % MERCHANT_COUNT]);
        target.setString(3, COUNTRY);
        target.setLong(4, FIRST_MILLIS * 1_000 + micros);
        target.setLong(5, index / 2);
        target.setInt(6, (int) (index & 1));
        target.setTime(7, millis(index));
    }

    /** The row at {@code index} as a record that was made at another time. */
    public Transaction transaction(long index, long createdMicros) {
        int card = card(index);
        return new Transaction(
                card, amount(index), merchant(card % MERCHANT_COUNT), "DE", createdMicros, index / 2, (int)
                        (index & 1));
    }

    private int card(long index) {
        return IndexHash.below(IndexHash.of(index / 2), cardCount);
    }

    private static double amount(long index) {
        return IndexHash.below(IndexHash.of(index) << 16, 10_000) / 100.0;
    }

    private static String merchant(int number) {
        return "m" + number;
    }
}
