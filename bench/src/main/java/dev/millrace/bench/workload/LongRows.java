package dev.millrace.bench.workload;

import java.util.List;

/** Two longs: {@code id}, one of so many keys at random, and {@code amount}, below 16,384. */
public record LongRows(int keyCount) implements Rows {
    private static final List<Column> COLUMNS =
            List.of(new Column("id", Column.Type.LONG), new Column("amount", Column.Type.LONG));

    @Override
    public List<Column> columns() {
        return COLUMNS;
    }

    @Override
    public long millis(long index) {
        return 0;
    }

    @Override
    public void write(long index, RowTarget target) {
        long hash = IndexHash.of(index);
        target.setLong(0, IndexHash.below(hash, keyCount));
        target.setLong(1, hash & 0x3fff);
    }
}
