package dev.millrace.bench.inprocess;

import dev.millrace.bench.workload.IndexHash;
import dev.millrace.bench.workload.RowMeter;
import dev.millrace.spark.scala.Scala;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;

/**
 * First each key once, as fast as it is taken, with an amount of 0; then, after a moment, keys at random, so many rows
 * a second, and a row's amount is when it was due ({@link System#nanoTime}). A key comes from one partition only.
 */
final class PacedFeed implements RowFeed {
    /** Between filling and updating, so that a page does not hold both for one key. */
    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final UnsafeRow row = new UnsafeRow(2);
    private final int partition;
    private final int partitionCount;
    private final long intervalNanos;
    private final long fillRows;
    private long given;
    private long dueNanos;

    PacedFeed(int keyCount, int rate, int partition, int partitionCount, long given) {
        this.partition = partition;
        this.partitionCount = partitionCount;
        this.given = given;
        intervalNanos = 1_000_000_000L * partitionCount / rate;
        fillRows = (keyCount - partition + partitionCount - 1) / partitionCount;
        byte[] bytes = new byte[UnsafeRow.calculateBitSetWidthInBytes(2) + 2 * Long.BYTES];
        row.pointTo(bytes, bytes.length);
    }

    @Override
    public boolean next(long timeoutMillis) {
        if (given < fillRows) {
            row.setLong(0, ownKey(given));
            row.setLong(1, 0);
        } else {
            if (!awaitDue(timeoutMillis)) {
                return false;
            }
            row.setLong(0, ownKey(IndexHash.below(IndexHash.of(given * partitionCount + partition), (int) fillRows)));
            row.setLong(1, dueNanos);
            dueNanos += intervalNanos;
        }
        given++;
        return true;
    }

    private long ownKey(long index) {
        return partition + index * partitionCount;
    }

    /**
     * Waits for the next row, for a while; false when it is not due yet. One that could not be given in time was
     * due when it should have been.
     */
    private boolean awaitDue(long timeoutMillis) {
        long now = System.nanoTime();
        if (dueNanos == 0) {
            dueNanos = now + (given > fillRows ? 0 : PAUSE_NANOS);
        }
        long deadline = now + TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
        while (dueNanos - now > 0 && deadline - now > 0) {
            LockSupport.parkNanos(Math.min(dueNanos - now, deadline - now));
            if (Thread.interrupted()) {
                throw Scala.sneaky(new InterruptedException());
            }
            now = System.nanoTime();
        }
        return dueNanos - now <= 0;
    }

    @Override
    public InternalRow row() {
        return row;
    }

    @Override
    public long given() {
        return given;
    }

    @Override
    public void close() {
        RowMeter.reach(partition, given);
    }
}
