package dev.millrace.spark.source;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.source.PortionTarget;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.spark.sql.connector.read.streaming.Offset;

/**
 * The portions of one source in one life of a dataflow, as the driver counts them: shares them out to the workers, and
 * knows where each ends and who is through with it.
 *
 * <p>Bounds: a portion's end until an epoch behind it is committed; its splits until all workers are through. Thread: any.
 */
final class HandedPortions {
    /** Where portions end that are not committed yet, and the last one that is. */
    private final TreeMap<Long, Boundary> ends = new TreeMap<>();

    private final TreeMap<Long, UnderWay> underWay = new TreeMap<>();
    private List<? extends PortionTarget> workers = List.of();
    private long reachedMicros = Long.MIN_VALUE;

    /** A portion that not all workers are through with. */
    private static final class UnderWay {
        /** Held because Spark removes what it broadcast for a split once nobody holds that here. */
        @SuppressWarnings("unused")
        final List<Split> splits;

        int workersThrough;

        /** Of this portion and not of all so far: another worker may be through with the next one already. */
        long maxMicros = Long.MIN_VALUE;

        UnderWay(List<Split> splits) {
            this.splits = splits;
        }
    }

    /** @param start where reading starts */
    HandedPortions(Boundary start) {
        ends.put(start.portion(), start);
    }

    /** Where the portions go. */
    synchronized void connect(List<? extends PortionTarget> connected) {
        workers = List.copyOf(connected);
    }

    /** The end of the last portion that was handed in. */
    synchronized Boundary last() {
        return ends.lastEntry().getValue();
    }

    /** The end of a portion. */
    synchronized Boundary end(long portion) {
        Boundary end = ends.get(portion);
        if (end == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot end an epoch behind portion=%d: known are %s. Please report this."
                            .formatted(portion, ends.keySet()));
        }
        return end;
    }

    /**
     * A portion to be read. Splits for any slot go to the workers in turn, beginning with another one each time, so that
     * small portions do not all go to the same.
     */
    synchronized void add(List<Split> splits, Offset end) {
        if (workers.isEmpty()) {
            throw new IllegalStateException("portions have nowhere to go yet");
        }
        long portion = last().portion() + 1;
        List<ArrayList<Split>> shares = new ArrayList<>();
        workers.forEach(worker -> shares.add(new ArrayList<>()));
        long turn = portion;
        for (Split split : splits) {
            long dealt = split.slot() == Split.ANY_SLOT ? turn++ : split.slot();
            shares.get((int) (dealt % shares.size())).add(split);
        }
        ends.put(portion, new Boundary(portion, Optional.of(end)));
        underWay.put(portion, new UnderWay(splits));
        for (int worker = 0; worker < shares.size(); worker++) {
            workers.get(worker).portion(shares.get(worker));
        }
    }

    /** An epoch that is to end behind the portions so far. */
    synchronized void endEpoch(long epoch) {
        long portion = last().portion();
        workers.forEach(worker -> worker.endEpoch(epoch, portion));
    }

    /** One more worker is through with a portion. */
    synchronized void ended(long portion, long maxMicros) {
        UnderWay entry = underWay.get(portion);
        if (entry == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot count a worker that is through with portion=%d: under way are %s. Please report this."
                            .formatted(portion, underWay.keySet()));
        }
        entry.maxMicros = Math.max(entry.maxMicros, maxMicros);
        if (++entry.workersThrough == workers.size()) {
            underWay.remove(portion);
            reachedMicros = Math.max(reachedMicros, entry.maxMicros);
            workers.forEach(worker -> worker.settled(portion, reachedMicros));
            notifyAll();
        }
    }

    /** Waits until all workers are through with all portions. */
    synchronized void awaitSettled() throws InterruptedException {
        while (!underWay.isEmpty()) {
            wait();
        }
    }

    /** An epoch is committed that ends behind a portion. */
    synchronized void committed(long portion) {
        ends.headMap(portion).clear();
    }
}
