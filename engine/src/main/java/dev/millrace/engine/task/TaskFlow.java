package dev.millrace.engine.task;

import dev.millrace.engine.operator.ProcessingTime;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.stream.Item;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * When a task hands its results on, those too that operators hold, whatever it takes them from: at once when its input runs dry, at
 * the latest after {@link #PAGES_BETWEEN_FLUSHES} pages; watermarks that rows have moved after
 * {@link #WATERMARK_INTERVAL_NANOS} and before every barrier.
 *
 * <p>Thread: the owning task.
 */
final class TaskFlow {
    /** Under a steady backlog the input never runs dry; then rows for a rare key wait this long at most. */
    private static final int PAGES_BETWEEN_FLUSHES = 16;

    /** Marks between rows cost every channel a place and every task a wake-up, so not after each row. */
    static final long WATERMARK_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** How often to look whether an input has fallen idle, while no row comes. */
    private static final long IDLENESS_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** The query's clock may be set forward, or be a test's own. */
    private static final long LONGEST_WAIT_MILLIS = 100;

    private final Chain chain;
    private final TaskOutput output;
    private final LongSupplier nanoClock;
    private final ProcessingTime time;
    private int pagesSinceFlush;
    private boolean unflushed;
    private boolean quiet = true;
    private boolean watermarkPending;
    private long lastRefreshNanos;

    TaskFlow(Chain chain, TaskOutput output, TaskParts.Clock clock) {
        this.chain = chain;
        this.output = output;
        this.nanoClock = clock.nanos();
        this.time = clock.time();
        this.lastRefreshNanos = nanoClock.getAsLong();
    }

    /** Whether the last item is through. */
    boolean isQuiet() {
        return quiet;
    }

    /** Goes on with what was stopped by a full output; true when the chain is quiet. */
    boolean resume() throws Exception {
        if (!quiet) {
            quiet = chain.advance();
        }
        return quiet;
    }

    /** Whether what is not through could go on at once: an operator wanted to do no more in one step. */
    boolean mayGoOn() {
        return !quiet && chain.mayGoOn();
    }

    /** Whether what is not through waits for the output. */
    boolean isBackPressured() {
        return !quiet && !chain.mayGoOn();
    }

    /** Brings rows through; they stay valid until {@link #isQuiet}. */
    void rows(RowCursor rows) throws Exception {
        chain.giveRows(rows);
        quiet = chain.advance();
        unflushed = true;
        watermarkPending = true;
        if (++pagesSinceFlush >= PAGES_BETWEEN_FLUSHES && quiet) {
            refreshWatermarksInTime();
            flush();
        }
    }

    /** Brings a mark through. */
    void mark(Item mark) throws Exception {
        chain.giveMark(mark);
        quiet = chain.advance();
    }

    /** Lets an operator of a quiet chain work whose time has come; false when there is none. */
    boolean wakeUp() throws Exception {
        long wanted = chain.wakeUpMillis();
        if (wanted == ProcessingTime.NEVER) {
            return false;
        }
        long now = time.millis();
        if (wanted > now || !chain.wakeUp(now, nanoClock.getAsLong())) {
            return false;
        }
        quiet = chain.advance();
        unflushed = true;
        return true;
    }

    /** There is no input for now. True when that gave something to do. */
    boolean dry() throws Exception {
        boolean refreshed = refreshWatermarksInTime();
        boolean flushed = unflushed && flush();
        return refreshed || flushed || mayGoOn();
    }

    /** Something else than this task's rows has moved a watermark. */
    void watermarkMoved() {
        watermarkPending = true;
    }

    /** Hands on every watermark that rows have moved. */
    void refreshWatermarks() throws Exception {
        watermarkPending = false;
        while (quiet && chain.refreshWatermarks()) {
            quiet = chain.advance();
        }
    }

    private boolean refreshWatermarksInTime() throws Exception {
        if (!chain.assignsWatermarks() || !quiet) {
            return false;
        }
        long now = nanoClock.getAsLong();
        if (now - lastRefreshNanos < refreshIntervalNanos()) {
            return false;
        }
        lastRefreshNanos = now;
        watermarkPending = false;
        boolean refreshed = chain.refreshWatermarks();
        if (refreshed) {
            quiet = chain.advance();
        }
        return refreshed;
    }

    private long refreshIntervalNanos() {
        return watermarkPending ? WATERMARK_INTERVAL_NANOS : IDLENESS_INTERVAL_NANOS;
    }

    /** Hands on all rows, those that operators hold too; false when the output was full. */
    private boolean flush() throws Exception {
        pagesSinceFlush = 0;
        while (quiet && chain.giveHeld()) {
            quiet = chain.advance();
        }
        boolean all = output.flush();
        unflushed = !all || !quiet;
        return !unflushed;
    }

    /**
     * When to look for a watermark, or wake an operator, although no row comes; never while something is not through,
     * for what is due then waits for the output, and whoever makes room there wakes the task. Units: {@link
     * System#nanoTime}.
     */
    long deadlineNanos() {
        if (!quiet) {
            return Long.MAX_VALUE;
        }
        long watermark = chain.assignsWatermarks() ? lastRefreshNanos + refreshIntervalNanos() : Long.MAX_VALUE;
        long wanted = chain.wakeUpMillis();
        if (wanted == ProcessingTime.NEVER) {
            return watermark;
        }
        long millis = Math.min(LONGEST_WAIT_MILLIS, Math.max(0, wanted - time.millis()));
        return Math.min(watermark, nanoClock.getAsLong() + TimeUnit.MILLISECONDS.toNanos(millis));
    }
}
