package dev.millrace.engine.task;

import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.stream.Item;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Takes items from other tasks, merged into one order, through its chain.
 *
 * <p>Thread: its loop.
 */
public final class OperatingTask implements Step {
    private final TaskPlace place;
    private final Chain chain;
    private final TaskFlow flow;
    private final List<OperatorContext> contexts;
    private final TaskReports reports;
    private final Inbox inbox;
    private final RowCursor cursor = new RowCursor();
    private @Nullable Page page;
    private long barrierUnderWay = NONE;

    private static final long NONE = Long.MIN_VALUE;

    public OperatingTask(TaskPlace place, TaskParts parts, Inbox inbox) {
        this.place = place;
        this.chain = parts.chain();
        this.flow = parts.flow();
        this.contexts = parts.contexts();
        this.reports = parts.reports();
        this.inbox = inbox;
    }

    @Override
    public String name() {
        return place.name();
    }

    @Override
    public void open() throws Exception {
        chain.open(contexts);
    }

    @Override
    public boolean step() throws Exception {
        if (!flow.resume()) {
            return false;
        }
        itemThrough();
        Item item = inbox.poll();
        if (item == null) {
            return flow.dry();
        }
        if (item instanceof Item.Rows rows) {
            page = rows.page();
            flow.rows(cursor.pointTo(rows.page()));
        } else {
            if (item instanceof Item.Barrier barrier) {
                barrierUnderWay = barrier.epoch();
            }
            flow.mark(item);
        }
        if (flow.isQuiet()) {
            itemThrough();
        }
        return true;
    }

    private void itemThrough() {
        Page done = page;
        if (done != null) {
            page = null;
            inbox.recycle(done);
        }
        if (barrierUnderWay != NONE) {
            reports.barrierTaken(place.stageId(), place.taskIndex(), barrierUnderWay);
            barrierUnderWay = NONE;
        }
    }

    @Override
    public long deadlineNanos() {
        return flow.deadlineNanos();
    }

    @Override
    public void close() throws Exception {
        chain.close();
    }
}
