package dev.millrace.bench.peers.flink;

import dev.millrace.bench.workload.RowTarget;
import java.util.Arrays;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.data.binary.BinaryRowData;
import org.apache.flink.table.data.binary.BinaryStringData;
import org.apache.flink.table.data.writer.BinaryRowWriter;

/** Writes rows as Flink's SQL has them, of those columns that it asked for, into one row that is used again. */
final class BinaryRowTarget implements RowTarget {
    private static final int MILLIS_PRECISION = 3;

    /** For each column of the table where it is in the row; below 0 when it is not. */
    private final int[] places;

    private final int width;
    private final BinaryRowData row;
    private final BinaryRowWriter writer;
    private long written;

    BinaryRowTarget(int columnCount, int[] columns) {
        places = new int[columnCount];
        Arrays.fill(places, -1);
        for (int i = 0; i < columns.length; i++) {
            places[columns[i]] = i;
        }
        width = columns.length;
        row = new BinaryRowData(width);
        writer = new BinaryRowWriter(row);
    }

    void begin() {
        writer.reset();
        written = 0;
    }

    /** What was not set is null. */
    BinaryRowData end() {
        for (int i = 0; i < width; i++) {
            if ((written >>> i & 1) == 0) {
                writer.setNullAt(i);
            }
        }
        writer.complete();
        return row;
    }

    @Override
    public boolean wants(int column) {
        return places[column] >= 0;
    }

    @Override
    public void setInt(int column, int value) {
        int place = places[column];
        if (place >= 0) {
            writer.writeInt(place, value);
            written |= 1L << place;
        }
    }

    @Override
    public void setLong(int column, long value) {
        int place = places[column];
        if (place >= 0) {
            writer.writeLong(place, value);
            written |= 1L << place;
        }
    }

    @Override
    public void setDouble(int column, double value) {
        int place = places[column];
        if (place >= 0) {
            writer.writeDouble(place, value);
            written |= 1L << place;
        }
    }

    @Override
    public void setString(int column, byte[] utf8) {
        int place = places[column];
        if (place >= 0) {
            writer.writeString(place, BinaryStringData.fromBytes(utf8));
            written |= 1L << place;
        }
    }

    @Override
    public void setTime(int column, long millis) {
        int place = places[column];
        if (place >= 0) {
            writer.writeTimestamp(place, TimestampData.fromEpochMillis(millis), MILLIS_PRECISION);
            written |= 1L << place;
        }
    }
}
