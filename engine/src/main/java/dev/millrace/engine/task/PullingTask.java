package dev.millrace.engine.task;

import dev.millrace.engine.exchange.Signal;
import dev.millrace.engine.metrics.StepClock;
import dev.millrace.engine.metrics.StepClock.Phase;
import dev.millrace.engine.metrics.TaskMetrics;
import dev.millrace.engine.operator.PulledFragment;
import dev.millrace.engine.operator.PulledFragment.RowIterator;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.stream.Item;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Runs a fragment that must be pulled, on a loop of its own. The place where the fragment asks for its
 * next row is where the task waits, hands rows on and lets watermarks pass: at that moment everything
 * that the fragment can give for the rows before is out. A step is one epoch.
 *
 * <p>Thread: its loop.
 */
public final class PullingTask implements Step {
    private static final long LONGEST_WAIT_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final int PAGES_BETWEEN_FLUSHES = 16;

    private final TaskPlace place;
    private final PulledFragment fragment;
    private final Inbox inbox;
    private final TaskOutput output;
    private final TaskReports reports;
    private final Signal signal;
    private final TaskMetrics metrics;
    private final Input input = new Input();

    public PullingTask(
            TaskPlace place,
            PulledFragment fragment,
            Inbox inbox,
            List<OutputEdge> edges,
            TaskReports reports,
            Signal signal,
            TaskMetrics metrics) {
        this.place = place;
        this.fragment = fragment;
        this.inbox = inbox;
        this.output = new TaskOutput(edges);
        this.reports = reports;
        this.signal = signal;
        this.metrics = metrics;
    }

    @Override
    public String name() {
        return place.name();
    }

    @Override
    public void open() {}

    @Override
    public boolean step() throws Exception {
        input.reopen();
        RowIterator rows = fragment.open(input);
        while (rows.hasNext()) {
            RowView row = rows.next();
            while (output.isFull()) {
                await(Phase.BACK_PRESSURED);
            }
            output.emit(row.bytes(), row.offset(), row.sizeBytes());
        }
        // A fragment may end before its input does, as a limit would; what is left passes unseen.
        while (input.hasNext()) {
            input.next();
        }
        Item.Barrier barrier = input.barrier();
        mark(barrier);
        reports.barrierTaken(place.stageId(), place.taskIndex(), barrier.epoch());
        return true;
    }

    private void mark(Item mark) throws InterruptedException {
        while (!output.mark(mark)) {
            await(Phase.BACK_PRESSURED);
        }
    }

    /** Sleeps until there is a new item or room. */
    private void await(Phase phase) throws InterruptedException {
        metrics.clock().enter(phase, System.nanoTime());
        signal.await(LONGEST_WAIT_NANOS);
        metrics.clock().enter(Phase.BUSY, System.nanoTime());
        signal.lower();
        if (Thread.interrupted()) {
            throw new InterruptedException("stopped while waiting: " + name());
        }
    }

    @Override
    public StepClock clock() {
        return metrics.clock();
    }

    @Override
    public void close() throws Exception {
        fragment.close();
    }

    /** The rows of one epoch. */
    private final class Input implements RowIterator {
        private final RowCursor cursor = new RowCursor();
        private final RowView row = new RowView();
        private @Nullable Page page;
        private Item.@Nullable Barrier barrier;
        private int pagesSinceFlush;

        void reopen() {
            barrier = null;
        }

        Item.Barrier barrier() {
            Item.Barrier end = barrier;
            if (end == null) {
                throw new IllegalStateException("Cannot end an epoch: no barrier came.");
            }
            return end;
        }

        @Override
        public boolean hasNext() throws Exception {
            while (barrier == null && !cursor.hasRow()) {
                recycle();
                take();
            }
            return barrier == null;
        }

        private void take() throws InterruptedException {
            Item item = inbox.poll();
            if (item == null) {
                flush();
                if (!inbox.hasItems()) {
                    await(Phase.IDLE);
                }
            } else if (item instanceof Item.Rows rows) {
                if (++pagesSinceFlush >= PAGES_BETWEEN_FLUSHES) {
                    flush();
                }
                page = rows.page();
                cursor.pointTo(rows.page());
                output.readNanos(cursor.readNanos());
                output.inputPartition(inbox.inputPartition(rows.page()));
            } else if (item instanceof Item.Barrier end) {
                barrier = end;
            } else {
                if (item instanceof Item.Watermark given) {
                    metrics.watermark(given.micros());
                }
                mark(item);
            }
        }

        private void flush() {
            pagesSinceFlush = 0;
            boolean unused = output.flush(); // what a full channel does not take now, it takes later
        }

        private void recycle() {
            Page done = page;
            if (done != null) {
                page = null;
                metrics.rowsTaken().add(done.rowCount());
                inbox.recycle(done);
            }
        }

        @Override
        public RowView next() throws Exception {
            if (!hasNext()) {
                throw new java.util.NoSuchElementException("no row is left in this epoch");
            }
            cursor.row(row);
            cursor.advance();
            return row;
        }
    }
}
