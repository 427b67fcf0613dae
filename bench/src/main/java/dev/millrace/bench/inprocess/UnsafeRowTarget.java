package dev.millrace.bench.inprocess;

import dev.millrace.bench.workload.RowTarget;
import java.util.Arrays;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.expressions.codegen.UnsafeRowWriter;
import org.apache.spark.unsafe.types.UTF8String;

/** Writes rows as Spark has them, of those columns that Spark asked for. */
final class UnsafeRowTarget implements RowTarget {
    private static final int BUFFER_BYTES = 256;

    /** For each column of the table where it is in the row; below 0 when it is not. */
    private final int[] places;

    private final int width;
    private final UnsafeRowWriter writer;
    private long written;

    /** Takes the table's number of columns and which of them are in the row, in the row's order. */
    UnsafeRowTarget(int columnCount, int[] columns) {
        places = new int[columnCount];
        Arrays.fill(places, -1);
        for (int i = 0; i < columns.length; i++) {
            places[columns[i]] = i;
        }
        width = columns.length;
        writer = new UnsafeRowWriter(width, BUFFER_BYTES);
    }

    void begin() {
        writer.reset();
        writer.zeroOutNullBytes();
        written = 0;
    }

    /** What was not set is null. */
    void end() {
        for (int i = 0; i < width; i++) {
            if ((written >>> i & 1) == 0) {
                writer.setNullAt(i);
            }
        }
    }

    UnsafeRow row() {
        return writer.getRow();
    }

    @Override
    public boolean wants(int column) {
        return places[column] >= 0;
    }

    @Override
    public void setInt(int column, int value) {
        int place = places[column];
        if (place >= 0) {
            writer.write(place, value);
            written |= 1L << place;
        }
    }

    @Override
    public void setLong(int column, long value) {
        int place = places[column];
        if (place >= 0) {
            writer.write(place, value);
            written |= 1L << place;
        }
    }

    @Override
    public void setDouble(int column, double value) {
        int place = places[column];
        if (place >= 0) {
            writer.write(place, value);
            written |= 1L << place;
        }
    }

    @Override
    public void setString(int column, byte[] utf8) {
        int place = places[column];
        if (place >= 0) {
            writer.write(place, UTF8String.fromBytes(utf8));
            written |= 1L << place;
        }
    }

    @Override
    public void setTime(int column, long millis) {
        setLong(column, millis * 1_000);
    }
}
