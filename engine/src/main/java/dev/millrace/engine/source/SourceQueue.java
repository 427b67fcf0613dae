package dev.millrace.engine.source;

import dev.millrace.engine.exchange.Waker;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import org.jspecify.annotations.Nullable;

/**
 * Carries the rows of a partition from its reader's thread to the task that owns it. Rows share
 * pages: the reader goes on appending to a page of which the task already takes the front, so a batch
 * of any size is handed over by publishing how far the page goes.
 *
 * <p>With each batch goes the position behind it; the task takes whole batches, so the position behind
 * the last row taken, which is where an epoch ends, is always known. Where the source is read in portions,
 * there are no such positions, and portions and epochs end with a mark that closes the page under way.
 *
 * <p>Bounds: {@link #PAGES} pages. Thread: one producer (the reader), one consumer (the task).
 */
public final class SourceQueue implements PartitionOutput {
    static final int PAGES = 4;
    private static final int INITIAL_BYTES = 2 * 1024;
    private static final int SMALLEST_RECORD_BYTES = Page.recordBytes(8);

    /** What ends where a page is closed: a portion, or an epoch at a position. */
    private record Mark(boolean isEpoch, long epoch, @Nullable Object position) {
        static final Mark PORTION = new Mark(false, 0, null);
    }

    /** How far a page was handed over; no position yet while nothing was. */
    private record Published(int rows, int endOffset, @Nullable Object position, @Nullable Mark mark) {
        static final Published NOTHING = new Published(0, 0, null, null);
    }

    /** A page that one thread appends to while another reads what was published of it. */
    private static final class SharedPage {
        final Page page = new Page();

        /** When a batch was read, at the index of its first row. */
        long[] readNanos = new long[0];

        volatile Published published = Published.NOTHING;

        void reopen(int sizeBytes) {
            page.clear();
            page.ensureCapacity(sizeBytes);
            int rows = page.capacityBytes() / SMALLEST_RECORD_BYTES + 1;
            if (readNanos.length < rows) {
                readNanos = new long[rows];
            }
            published = Published.NOTHING;
        }

        /** Whether a row fits without moving bytes that the other thread may be reading. */
        boolean takes(int rowSizeBytes) {
            return page.endOffset() + Page.recordBytes(rowSizeBytes) <= page.capacityBytes()
                    && page.rowCount() < readNanos.length;
        }
    }

    private final SharedPage[] pages = new SharedPage[PAGES];
    private final Waker reader;
    private final Waker task;

    /** Pages that the reader has opened; it writes to the last one. */
    private volatile long opened;

    /** Pages that the task is done with. */
    private volatile long released;

    private volatile boolean readerWaits;
    private volatile @Nullable Object startPosition;

    // The reader's own.
    private @Nullable SharedPage current;
    private int nextPageBytes = INITIAL_BYTES;
    private int publishedRows;
    private boolean closed;
    private long stampNanos;

    // The task's own.
    private int takenRows;
    private int takenOffset;
    private Published offered = Published.NOTHING;
    private @Nullable Object position;

    public SourceQueue(Waker reader, Waker task) {
        this.reader = reader;
        this.task = task;
        for (int i = 0; i < PAGES; i++) {
            pages[i] = new SharedPage();
        }
    }

    @Override
    public int reserve(int rowSizeBytes) {
        SharedPage shared = current;
        if (shared == null || closed || !shared.takes(rowSizeBytes)) {
            if (shared != null && shared.page.rowCount() > publishedRows) {
                return NO_ROOM;
            }
            shared = openPage(rowSizeBytes);
            if (shared == null) {
                return NO_ROOM;
            }
        }
        int index = shared.page.rowCount();
        if (index == publishedRows) {
            stampNanos = System.nanoTime();
            shared.readNanos[index] = stampNanos;
        }
        return shared.page.reserve(rowSizeBytes, Page.NO_KEY_GROUP, stampNanos);
    }

    @Override
    public byte[] bytes() {
        if (current == null) {
            throw new IllegalStateException("nothing reserved");
        }
        return current.page.bytes();
    }

    private @Nullable SharedPage openPage(int rowSizeBytes) {
        long count = opened;
        if (count - released >= PAGES) {
            readerWaits = true;
            if (count - released >= PAGES) {
                return null;
            }
            readerWaits = false;
        }
        if (current != null) {
            nextPageBytes = Math.min(Page.CAPACITY_BYTES, nextPageBytes * 2);
        }
        SharedPage next = pages[(int) (count % PAGES)];
        next.reopen(Math.max(nextPageBytes, Page.recordBytes(rowSizeBytes)));
        current = next;
        closed = false;
        publishedRows = 0;
        opened = count + 1;
        return next;
    }

    @Override
    public void publish(Object positionBehind) {
        SharedPage shared = current;
        if (shared == null) {
            startPosition = positionBehind;
            task.wake();
        } else {
            publish(shared, positionBehind, null);
        }
    }

    @Override
    public void publish() {
        SharedPage shared = current;
        if (shared != null && shared.page.rowCount() > publishedRows) {
            publish(shared, null, null);
        }
    }

    private void publish(SharedPage shared, @Nullable Object positionBehind, @Nullable Mark mark) {
        publishedRows = shared.page.rowCount();
        shared.published = new Published(publishedRows, shared.page.endOffset(), positionBehind, mark);
        task.wake();
    }

    @Override
    public boolean endPortion() {
        return close(Mark.PORTION);
    }

    @Override
    public boolean endEpoch(long epoch, Object position) {
        return close(new Mark(true, epoch, position));
    }

    private boolean close(Mark mark) {
        SharedPage shared = current;
        if (shared == null || closed) {
            shared = openPage(0);
            if (shared == null) {
                return false;
            }
        }
        closed = true;
        publish(shared, null, mark);
        return true;
    }

    /** How full it is, from 0 to 1, without the page that the reader writes to. Thread: any. */
    public double fill() {
        long done = released; // before those opened, of which there are never fewer
        return Math.max(0, Math.min(PAGES, opened - done) - 1) / (double) (PAGES - 1);
    }

    /**
     * Points the cursor at all rows that were published, within one page; false when there are none.
     * The rows stay valid until {@link #taken}.
     *
     * <p>Thread: the task.
     */
    public boolean take(RowCursor cursor) {
        Published front = front();
        if (front == null || front.rows() == takenRows) {
            return false;
        }
        SharedPage shared = pages[(int) (released % PAGES)];
        offered = front;
        cursor.pointTo(shared.page, takenOffset, front.endOffset(), shared.readNanos[takenRows]);
        return true;
    }

    /** The page that is next to be taken from, or that ends with a mark; null when the reader opened no more. */
    private @Nullable Published front() {
        while (true) {
            long done = released;
            if (opened == done) {
                return null;
            }
            boolean finished = opened > done + 1; // read before published: then published is final
            Published published = pages[(int) (done % PAGES)].published;
            if (published.rows() > takenRows || published.mark() != null || !finished) {
                return published;
            }
            noteMoved(published);
            release(done);
        }
    }

    private void release(long done) {
        takenRows = 0;
        takenOffset = 0;
        released = done + 1;
        if (readerWaits) {
            readerWaits = false;
            reader.wake();
        }
    }

    /** The rows of the last {@link #take} are through; returns how many. Thread: the task. */
    public int taken() {
        int count = offered.rows() - takenRows;
        position = offered.position();
        takenRows = offered.rows();
        takenOffset = offered.endOffset();
        return count;
    }

    /** The mark that comes next, when all rows before it are taken. */
    private @Nullable Mark mark() {
        Published front = front();
        return front == null || front.rows() > takenRows ? null : front.mark();
    }

    /** Goes past the end of a portion when it comes next, before any row. Thread: the task. */
    public boolean takePortionEnd() {
        Mark mark = mark();
        if (mark == null || mark.isEpoch()) {
            return false;
        }
        release(released);
        return true;
    }

    /**
     * Where {@code epoch} may end: behind the last row that was taken, or where the source says. Null as long as
     * that is not known, or rows before it are to come. Thread: the task.
     */
    public @Nullable Object endOf(long epoch) {
        Mark mark = mark();
        if (mark == null) {
            return position();
        }
        return mark.isEpoch() && mark.epoch() == epoch ? mark.position() : null;
    }

    /** Goes past the end of an epoch for which {@link #endOf} gave a position. Thread: the task. */
    public void epochEnded() {
        if (mark() != null) {
            release(released);
        }
    }

    /**
     * The position behind the last row taken; null while the reader is not open, and where the source is read in
     * portions.
     */
    private @Nullable Object position() {
        long done = released;
        if (opened > done) {
            noteMoved(pages[(int) (done % PAGES)].published);
        }
        return position != null ? position : startPosition;
    }

    /** The reader may have gone past what gave no rows since the last row that was taken. */
    private void noteMoved(Published published) {
        if (published.rows() == takenRows && published.position() != null) {
            position = published.position();
        }
    }
}
