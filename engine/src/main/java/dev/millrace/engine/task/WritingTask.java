package dev.millrace.engine.task;

import dev.millrace.engine.metrics.LatencyRecorder;
import dev.millrace.engine.metrics.StepClock;
import dev.millrace.engine.metrics.TaskMetrics;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.sink.SinkWriter;
import dev.millrace.engine.stream.Item;
import org.jspecify.annotations.Nullable;

/**
 * Takes items from other tasks to a sink's writer, which may block; so it has a loop of its own.
 *
 * <p>Thread: its loop.
 */
public final class WritingTask implements Step {
    private final TaskPlace place;
    private final Inbox inbox;
    private final SinkWriter writer;
    private final TaskReports reports;
    private final TaskMetrics metrics;
    private final LatencyRecorder latency;
    private final RowCursor cursor = new RowCursor();
    private long nextEpoch;
    private long rowsOfEpoch;

    public WritingTask(
            TaskPlace place,
            Inbox inbox,
            SinkWriter writer,
            long firstEpoch,
            TaskReports reports,
            TaskMetrics metrics,
            LatencyRecorder latency) {
        this.place = place;
        this.inbox = inbox;
        this.writer = writer;
        this.nextEpoch = firstEpoch;
        this.reports = reports;
        this.metrics = metrics;
        this.latency = latency;
    }

    @Override
    public String name() {
        return place.name();
    }

    @Override
    public void open() throws Exception {
        writer.open(nextEpoch);
    }

    @Override
    public boolean step() throws Exception {
        Item item = inbox.poll();
        if (item == null) {
            return false;
        }
        if (item instanceof Item.Rows rows) {
            write(rows.page());
        } else if (item instanceof Item.Watermark mark) {
            metrics.watermark(mark.micros());
        } else if (item instanceof Item.Barrier barrier) {
            if (barrier.watermarkMicros() != Item.Barrier.NO_WATERMARK) {
                metrics.watermark(barrier.watermarkMicros());
            }
            @Nullable Object message = writer.prepare(barrier.epoch());
            reports.sinkPrepared(place.stageId(), place.taskIndex(), barrier.epoch(), message, rowsOfEpoch);
            rowsOfEpoch = 0;
            nextEpoch = barrier.epoch() + 1;
        }
        return true;
    }

    private void write(Page page) throws Exception {
        int count = page.rowCount();
        long readNanos = page.oldestReadNanos();
        writer.write(cursor.pointTo(page));
        inbox.recycle(page);
        rowsOfEpoch += count;
        metrics.rowsTaken().add(count);
        latency.record((System.nanoTime() - readNanos) / 1000, count);
    }

    @Override
    public StepClock clock() {
        return metrics.clock();
    }

    @Override
    public void close() throws Exception {
        try {
            writer.abort();
        } finally {
            writer.close();
        }
    }
}
