package dev.millrace.engine.task;

import dev.millrace.engine.metrics.StepClock;
import dev.millrace.engine.metrics.TaskMetrics;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.stream.Item;
import org.jspecify.annotations.Nullable;

/**
 * Takes items from other tasks, merged into one order, through its chain.
 *
 * <p>Thread: its loop.
 */
public final class OperatingTask implements Step {
    private static final long NONE = Long.MIN_VALUE;

    private final TaskParts parts;
    private final TaskFlow flow;
    private final TaskSnapshots snapshots;
    private final Inbox inbox;
    private final TaskMetrics metrics;
    private final RowCursor cursor = new RowCursor();
    private @Nullable Page page;
    private Item.@Nullable Barrier waitingBarrier;
    private long barrierUnderWay = NONE;

    public OperatingTask(TaskParts parts, Inbox inbox, TaskMetrics metrics) {
        this.parts = parts;
        this.flow = parts.flow();
        this.snapshots = parts.snapshots();
        this.inbox = inbox;
        this.metrics = metrics;
    }

    @Override
    public String name() {
        return parts.place().name();
    }

    @Override
    public void open() throws Exception {
        parts.open(inbox.inputPartitionNames(), null);
    }

    @Override
    public boolean step() throws Exception {
        boolean progress = flow.resume() ? advance() : flow.mayGoOn();
        return snapshots.writeSlice() | progress;
    }

    /** Takes the next item to a quiet chain; true when it gave something to do. */
    private boolean advance() throws Exception {
        itemThrough();
        boolean woken = flow.wakeUp();
        if (!flow.isQuiet()) {
            return true;
        }
        Item item = waitingBarrier != null ? waitingBarrier : inbox.poll();
        if (item == null) {
            return flow.dry() || woken;
        }
        if (item instanceof Item.Barrier barrier && !watermarksThrough(barrier)) {
            return true;
        }
        if (item instanceof Item.Rows rows) {
            page = rows.page();
            cursor.side(inbox.side());
            cursor.inputPartition(inbox.inputPartition(rows.page()));
            flow.rows(cursor.pointTo(rows.page()));
        } else {
            if (item instanceof Item.Barrier barrier) {
                barrierUnderWay = barrier.epoch();
            } else if (item instanceof Item.Watermark mark) {
                metrics.watermark(mark.micros());
            }
            flow.mark(item);
        }
        if (flow.isQuiet()) {
            itemThrough();
        }
        return true;
    }

    /** Brings the watermarks on that rows have moved before a barrier; false when they are not through yet. */
    private boolean watermarksThrough(Item.Barrier barrier) throws Exception {
        flow.refreshWatermarks();
        waitingBarrier = flow.isQuiet() ? null : barrier;
        return waitingBarrier == null;
    }

    private void itemThrough() throws Exception {
        Page done = page;
        if (done != null) {
            page = null;
            metrics.rowsTaken().add(done.rowCount());
            inbox.recycle(done);
        }
        if (barrierUnderWay != NONE) {
            parts.epochEnded(barrierUnderWay);
            parts.reports().barrierTaken(parts.place().stageId(), parts.place().taskIndex(), barrierUnderWay);
            barrierUnderWay = NONE;
        }
    }

    @Override
    public long deadlineNanos() {
        return flow.deadlineNanos();
    }

    @Override
    public StepClock clock() {
        return metrics.clock();
    }

    @Override
    public boolean isBackPressured() {
        return flow.isBackPressured();
    }

    @Override
    public void close() throws Exception {
        parts.chain().close();
    }
}
