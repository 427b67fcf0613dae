package dev.millrace.bench.inprocess;

import dev.millrace.bench.workload.PartitionRows;
import dev.millrace.bench.workload.RowMeter;
import dev.millrace.bench.workload.Rows;
import dev.millrace.spark.scala.Scala;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.sql.catalyst.InternalRow;

/** The rows of a {@link Rows} table, as fast as they are taken; {@link RowMeter} hears how far it is. */
final class TableFeed implements RowFeed {
    private static final int REPORT_ROWS = 1 << 10;

    private final Rows rows;
    private final PartitionRows partition;
    private final UnsafeRowTarget target;
    private final long end;
    private long given;

    /** Goes on behind {@code given} rows, and has none behind {@code end}. */
    TableFeed(Rows rows, PartitionRows partition, int[] columns, long given, long end) {
        this.rows = rows;
        this.partition = partition;
        this.target = new UnsafeRowTarget(rows.columns().size(), columns);
        this.given = given;
        this.end = end;
    }

    @Override
    public boolean next(long timeoutMillis) {
        if (given == end) {
            close();
            awaitMore(timeoutMillis);
            return false;
        }
        if (given % REPORT_ROWS == 0) {
            close();
        }
        target.begin();
        rows.write(partition.index(given), target);
        target.end();
        given++;
        return true;
    }

    /** A stream has no end: there is just nothing more to come until somebody stops it. */
    private static void awaitMore(long timeoutMillis) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(timeoutMillis));
        if (Thread.interrupted()) {
            throw Scala.sneaky(new InterruptedException());
        }
    }

    @Override
    public InternalRow row() {
        return target.row();
    }

    @Override
    public long given() {
        return given;
    }

    @Override
    public void close() {
        RowMeter.reach(partition.partition(), given);
    }
}
