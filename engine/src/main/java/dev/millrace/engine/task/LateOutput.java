package dev.millrace.engine.task;

import dev.millrace.engine.operator.LateRowEncoder;
import dev.millrace.engine.operator.LateRows;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.stream.Item;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The rows that a task's operators drop as late, on their way to the exchanges that want them. It takes the
 * late rows of a whole page however full the channels are; the chain then waits until they are handed on
 * before it goes on with another page.
 *
 * <p>Bounds: the late rows of one page. Thread: the owning task.
 */
public final class LateOutput {
    private final OutputEdge[] edges;
    private final ArrayDeque<Page> pages = new ArrayDeque<>();
    private final RowCursor cursor = new RowCursor();
    private final RowView row = new RowView();
    private @Nullable Page spare;
    private boolean isCursorSet;
    private long readNanos;
    private int marked;

    /** @param edges none where nobody wants late rows */
    public LateOutput(List<OutputEdge> edges) {
        this.edges = edges.toArray(new OutputEdge[0]);
    }

    /** Where one operator leaves its late rows; encoders are made when its first one comes. */
    public LateRows of(@Nullable Supplier<LateRowEncoder> encoders) {
        return edges.length == 0 || encoders == null ? LateRows.NOWHERE : new Encoded(encoders);
    }

    /** The late rows of one operator as the rows that tell of them. */
    private final class Encoded implements LateRows {
        private final Supplier<LateRowEncoder> encoders;
        private @Nullable LateRowEncoder encoder;

        Encoded(Supplier<LateRowEncoder> encoders) {
            this.encoders = encoders;
        }

        @Override
        public void add(Side side, RowView late, long eventTimeMicros, long watermarkMicros) {
            LateRowEncoder with = encoder;
            if (with == null) {
                with = encoders.get();
                encoder = with;
            }
            keep(with.encode(side, late, eventTimeMicros, watermarkMicros));
        }
    }

    private void keep(RowView late) {
        Page last = pages.peekLast();
        if (last == null || !last.hasRoomFor(late.sizeBytes())) {
            last = spare == null ? new Page() : spare;
            spare = null;
            pages.addLast(last);
        }
        last.append(late.bytes(), late.offset(), late.sizeBytes(), Page.NO_KEY_GROUP, readNanos);
    }

    void readNanos(long nanos) {
        readNanos = nanos;
        for (OutputEdge edge : edges) {
            edge.readNanos(nanos);
        }
    }

    /** Gives what is kept to the exchanges; false when one of them was full. */
    boolean drain() {
        while (!pages.isEmpty()) {
            Page first = pages.getFirst();
            if (!isCursorSet) {
                cursor.pointTo(first);
                isCursorSet = true;
            }
            for (; cursor.hasRow(); cursor.advance()) {
                if (isFull()) {
                    return false;
                }
                cursor.row(row);
                for (OutputEdge edge : edges) {
                    edge.emit(row.bytes(), row.offset(), row.sizeBytes());
                }
            }
            isCursorSet = false;
            pages.removeFirst();
            first.clear();
            spare = first;
        }
        return true;
    }

    private boolean isFull() {
        for (OutputEdge edge : edges) {
            if (edge.isFull()) {
                return true;
            }
        }
        return false;
    }

    /** Hands on all that channels take; false when something is left. */
    boolean flush() {
        boolean all = drain();
        for (OutputEdge edge : edges) {
            all &= edge.flush();
        }
        return all;
    }

    /** Hands a mark to every channel, behind the late rows before it; false when one was full: call again. */
    boolean mark(Item mark) {
        if (!drain()) {
            return false;
        }
        while (marked < edges.length) {
            if (!edges[marked].mark(mark)) {
                return false;
            }
            marked++;
        }
        marked = 0;
        return true;
    }
}
