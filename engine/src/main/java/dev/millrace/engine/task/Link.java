package dev.millrace.engine.task;

import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.PassThrough;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.stream.Item;
import java.util.List;

/**
 * One operator's place in a chain, with those that only look at its input before it does, and the
 * rows that it puts out.
 *
 * <p>Thread: the owning task.
 */
final class Link {
    /** What the operator is at. */
    enum Phase {
        NOTHING,
        ROWS,
        WATERMARK,
        BARRIER,
        /** The operator asked to be woken. */
        WAKE_UP,
        /** The operator gives the rows that it held. */
        HELD,
        /** The same, before the mark goes on that says that no more come for now. */
        HELD_BEFORE_MARK,
        /** Done with a mark, whose rows are through; the mark goes on. */
        HANDING_ON
    }

    final PassThrough[] observers;
    final Operator operator;
    final RowCursor cursor = new RowCursor();
    final PageOutput output = new PageOutput();
    Phase phase = Phase.NOTHING;
    Item mark = Item.Idle.INSTANCE;

    private final boolean findsWatermark;
    private final RowCursor observed = new RowCursor();
    private long inputWatermark = Long.MIN_VALUE;
    private long watermark = Long.MIN_VALUE;
    private boolean markedIdle;
    private long readNanos;

    Link(List<PassThrough> observers, Operator operator) {
        this.observers = observers.toArray(new PassThrough[0]);
        this.operator = operator;
        this.findsWatermark = observers.stream().anyMatch(PassThrough::findsWatermark);
    }

    /** Takes rows, which stay valid until the phase is NOTHING again. */
    void giveRows(RowCursor rows) throws Exception {
        for (PassThrough observer : observers) {
            observer.observe(observed.pointTo(rows));
        }
        cursor.pointTo(rows);
        boolean older = !operator.holdsRows() || rows.readNanos() - readNanos < 0;
        readNanos = older ? rows.readNanos() : readNanos;
        output.readNanos(readNanos);
        phase = Phase.ROWS;
        markedIdle = false;
    }

    /** When the oldest row was read that the operator has at hand or holds. Units: {@link System#nanoTime}. */
    long readNanos() {
        return readNanos;
    }

    /** Lets the operator give what it holds; false when that is nothing. */
    boolean giveHeld() {
        if (!operator.holdsRows()) {
            return false;
        }
        phase = Phase.HELD;
        return true;
    }

    /**
     * Wakes an operator whose time has come; false when it waits for a later one.
     *
     * @param nanos counts as the time when what it gives was read
     */
    boolean wakeUp(long nowMillis, long nanos) {
        if (operator.wakeUpMillis() > nowMillis) {
            return false;
        }
        output.readNanos(nanos);
        phase = Phase.WAKE_UP;
        return true;
    }

    /** Takes a mark; a watermark that changes nothing for the operator ends here. */
    void giveMark(Item given) throws Exception {
        if (given instanceof Item.Watermark given2) {
            inputWatermark = given2.micros();
            refreshWatermark();
        } else if (given instanceof Item.Barrier barrier) {
            giveBarrier(barrier);
        } else if (findsWatermark) {
            refreshWatermark();
        } else {
            mark = given;
            phase = Phase.HELD_BEFORE_MARK;
        }
    }

    /** The watermark that a barrier carries is the operator's before the barrier is. */
    private void giveBarrier(Item.Barrier barrier) throws Exception {
        long carried = barrier.watermarkMicros();
        for (PassThrough observer : observers) {
            observer.barrier(barrier.epoch(), NO_OUTPUT);
            carried = observer.epochWatermark(carried);
        }
        mark = new Item.Barrier(barrier.epoch(), carried);
        phase = carried == Item.Barrier.NO_WATERMARK ? Phase.BARRIER : Phase.WATERMARK;
    }

    /** The watermark that the mark at hand brings. */
    long markedWatermark() {
        return mark instanceof Item.Barrier barrier ? barrier.watermarkMicros() : ((Item.Watermark) mark).micros();
    }

    /** Goes on from what the operator has done for a mark. */
    void markTaken() {
        boolean barrierFollows = phase == Phase.WATERMARK && mark instanceof Item.Barrier;
        phase = barrierFollows ? Phase.BARRIER : Phase.HANDING_ON;
    }

    /** The mark as it holds behind the operator. */
    Item markBehind() {
        if (mark instanceof Item.Watermark given) {
            return new Item.Watermark(operator.outputWatermark(given.micros()));
        }
        if (mark instanceof Item.Barrier barrier && barrier.watermarkMicros() != Item.Barrier.NO_WATERMARK) {
            return new Item.Barrier(barrier.epoch(), operator.outputWatermark(barrier.watermarkMicros()));
        }
        return mark;
    }

    /** Whether the observers have moved the watermark on, or fallen idle; then there is a phase to go through. */
    boolean refreshWatermark() {
        long next = inputWatermark;
        boolean idle = false;
        for (PassThrough observer : observers) {
            next = observer.outputWatermark(next);
            idle |= observer.isIdle();
        }
        if (next > watermark) {
            watermark = next;
            mark = new Item.Watermark(next);
            phase = Phase.WATERMARK;
            return true;
        }
        if (idle && !markedIdle) {
            markedIdle = true;
            mark = Item.Idle.INSTANCE;
            phase = Phase.HELD_BEFORE_MARK;
            return true;
        }
        return false;
    }

    private static final dev.millrace.engine.operator.Output NO_OUTPUT = new dev.millrace.engine.operator.Output() {
        @Override
        public boolean isFull() {
            return true;
        }

        @Override
        public void emit(byte[] bytes, int offset, int sizeBytes) {
            throw new IllegalStateException("Cannot emit: an operator that passes rows through has no output.");
        }
    };
}
