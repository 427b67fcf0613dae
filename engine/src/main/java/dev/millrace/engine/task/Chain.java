package dev.millrace.engine.task;

import dev.millrace.engine.operator.Copy;
import dev.millrace.engine.operator.EventTimeExtractor;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.Output;
import dev.millrace.engine.operator.PassThrough;
import dev.millrace.engine.operator.PortionEventTimes;
import dev.millrace.engine.operator.ProcessingTime;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.stream.Item;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The operators of one task, one behind the other, with a page between each two. Takes one item at a
 * time and brings it through: the operator furthest down that has something to do goes first, so no
 * row waits behind a newer one, and a mark reaches an operator only after all rows before it. When
 * the output is full the chain stops where it is, and later goes on from there.
 *
 * <p>Thread: the owning task.
 */
final class Chain {
    private final List<Operator> operators;
    private final Link[] links;
    private final TaskOutput output;
    private final boolean assignsWatermarks;
    private boolean mayGoOn;

    Chain(List<Operator> operators, TaskOutput output) {
        this.operators = List.copyOf(operators);
        this.assignsWatermarks =
                operators.stream().anyMatch(operator -> operator instanceof PassThrough pass && pass.findsWatermark());
        this.output = output;
        List<Link> made = new ArrayList<>();
        List<PassThrough> observers = new ArrayList<>();
        for (Operator operator : operators) {
            if (operator instanceof PassThrough observer) {
                observers.add(observer);
            } else {
                made.add(new Link(observers, operator));
                observers.clear();
            }
        }
        if (made.isEmpty() || !observers.isEmpty()) {
            made.add(new Link(observers, new Copy()));
        }
        this.links = made.toArray(new Link[0]);
    }

    void open(List<OperatorContext> contexts) throws Exception {
        for (int i = 0; i < operators.size(); i++) {
            operators.get(i).open(contexts.get(i));
        }
    }

    /** @param portions shared with the other tasks of a source that is read in portions; or null */
    void inputPartitions(List<String> names, @Nullable PortionEventTimes portions) {
        for (Operator operator : operators) {
            if (operator instanceof PassThrough pass) {
                pass.inputPartitions(names);
                if (portions != null) {
                    pass.inputPortions(portions);
                }
            }
        }
    }

    /** The greatest event time that a partition gave so far, where an operator looks for it. */
    long maxEventTimeMicros(int partition) {
        long max = EventTimeExtractor.NO_EVENT_TIME;
        for (Operator operator : operators) {
            if (operator instanceof PassThrough pass) {
                max = Math.max(max, pass.maxEventTimeMicros(partition));
            }
        }
        return max;
    }

    List<Operator> operators() {
        return operators;
    }

    void close() throws Exception {
        for (Operator operator : operators) {
            operator.close();
        }
    }

    /** Gives rows to a quiet chain; they stay valid until it is quiet again. */
    void giveRows(RowCursor rows) throws Exception {
        give(0, rows);
    }

    /** Gives a mark to a quiet chain. */
    void giveMark(Item mark) throws Exception {
        links[0].giveMark(mark);
    }

    /**
     * Goes on as far as the output allows, or an operator wants to go in one step; true when the chain is
     * quiet: the last item is through.
     */
    boolean advance() throws Exception {
        mayGoOn = false;
        int index = links.length - 1;
        while (index >= 0) {
            Link link = links[index];
            if (link.phase == Link.Phase.NOTHING) {
                index--;
                continue;
            }
            boolean last = index == links.length - 1;
            boolean operating = link.phase != Link.Phase.HANDING_ON;
            if (operating && !output.hasRoomForLateRows()) {
                return false;
            }
            boolean moved = operating ? operate(index) : handOn(index);
            if (!moved && (last || link.output.page().isEmpty())) {
                mayGoOn = operating && !(last && output.isFull());
                return false;
            }
            index = links.length - 1;
        }
        return true;
    }

    /** Whether the chain stopped for others to have their turn, and not at a full output. */
    boolean mayGoOn() {
        return mayGoOn;
    }

    /** Whether an operator of this chain makes watermarks from rows. */
    boolean assignsWatermarks() {
        return assignsWatermarks;
    }

    /**
     * Lets operators of a quiet chain hand on watermarks that rows have moved. True when there is
     * something to {@link #advance}.
     */
    boolean refreshWatermarks() {
        for (Link link : links) {
            if (link.observers.length > 0 && link.refreshWatermark()) {
                return true;
            }
        }
        return false;
    }

    /** Lets an operator of a quiet chain give rows that it holds. True when there is something to {@link #advance}. */
    boolean giveHeld() {
        for (Link link : links) {
            if (link.giveHeld()) {
                return true;
            }
        }
        return false;
    }

    /** When the first operator wants to be woken. Units: milliseconds of its clock. */
    long wakeUpMillis() {
        long first = ProcessingTime.NEVER;
        for (Link link : links) {
            first = Math.min(first, link.operator.wakeUpMillis());
        }
        return first;
    }

    /** Wakes one operator of a quiet chain whose time has come; false when there is none. */
    boolean wakeUp(long nowMillis, long nanos) {
        for (Link link : links) {
            if (link.wakeUp(nowMillis, nanos)) {
                output.readNanos(nanos);
                return true;
            }
        }
        return false;
    }

    private void give(int index, RowCursor rows) throws Exception {
        links[index].giveRows(rows);
        if (index == links.length - 1) {
            output.readNanos(links[index].readNanos());
            output.inputPartition(rows.inputPartition());
        }
    }

    /** Lets one operator work; false when it has more to do than it could. */
    private boolean operate(int index) throws Exception {
        Link link = links[index];
        boolean last = index == links.length - 1;
        Output to = last ? output : link.output;
        boolean done =
                switch (link.phase) {
                    case ROWS -> link.operator.process(link.cursor, to);
                    case WATERMARK -> link.operator.watermark(link.markedWatermark(), to);
                    case BARRIER -> link.operator.barrier(((Item.Barrier) link.mark).epoch(), to);
                    case WAKE_UP -> link.operator.wakeUp(to);
                    case HELD, HELD_BEFORE_MARK -> link.operator.giveHeld(to);
                    case NOTHING, HANDING_ON -> true;
                };
        if (done) {
            boolean rows = link.phase == Link.Phase.ROWS;
            switch (link.phase) {
                case WATERMARK, BARRIER, HELD_BEFORE_MARK -> link.markTaken();
                default -> link.phase = Link.Phase.NOTHING;
            }
            if (rows && index > 0) {
                links[index - 1].output.page().clear();
            }
        }
        if (!last && !link.output.page().isEmpty()) {
            RowCursor between = links[index + 1].cursor;
            between.pointTo(link.output.page());
            between.inputPartition(link.cursor.inputPartition());
            give(index + 1, between);
        }
        return done;
    }

    /** Hands the mark of a link on; false when the task's output was full. */
    private boolean handOn(int index) throws Exception {
        Link link = links[index];
        Item mark = link.markBehind();
        if (index == links.length - 1) {
            if (!output.mark(mark)) {
                return false;
            }
            link.phase = Link.Phase.NOTHING;
        } else {
            link.phase = Link.Phase.NOTHING;
            links[index + 1].giveMark(mark);
        }
        return true;
    }
}
