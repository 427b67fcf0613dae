package dev.millrace.engine.exchange;

import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import org.jspecify.annotations.Nullable;

/**
 * Carries rows from a reader's thread to the task that owns the reader. Every row is visible to the
 * task as soon as it is offered, though rows share pages: the reader goes on appending to a page of
 * which the task already takes the front. So a reader may block for its next row without holding any
 * row back, and nobody has to know when a source runs dry.
 *
 * <p>With each row goes the position behind it; the position of the last row that the task took is
 * where an epoch ends.
 *
 * <p>Bounds: {@link #PAGES} pages. Thread: one producer (the reader), one consumer (the task).
 */
public final class SourceQueue {
    private static final int PAGES = 4;
    private static final int INITIAL_BYTES = 2 * 1024;
    private static final int ROWS_PER_STAMP = 64;
    private static final int SMALLEST_RECORD_BYTES = Page.recordBytes(8);

    /** A page that one thread appends to while another reads what was published of it. */
    private static final class SharedPage {
        final Page page = new Page();
        Object[] positions = new Object[0];
        long[] readNanos = new long[0];

        /** Rows in the upper half, the offset behind the last one in the lower. */
        volatile long published;

        void reopen(int sizeBytes) {
            page.clear();
            page.ensureCapacity(sizeBytes);
            int rows = page.capacityBytes() / SMALLEST_RECORD_BYTES + 1;
            if (positions.length < rows) {
                positions = new Object[rows];
                readNanos = new long[rows];
            }
            published = 0;
        }

        /** Whether a row fits without moving bytes that the other thread may be reading. */
        boolean takes(int rowSizeBytes) {
            return page.endOffset() + Page.recordBytes(rowSizeBytes) <= page.capacityBytes()
                    && page.rowCount() < positions.length;
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

    /** Rows that the task is done with, so that the reader sees when it has caught up. */
    private volatile long takenTotal;

    // The reader's own.
    private int nextPageBytes = INITIAL_BYTES;
    private long offeredTotal;
    private long stampNanos;

    // The task's own.
    private int takenRows;
    private int takenOffset;
    private int offeredRows;
    private int offeredOffset;
    private @Nullable Object position;

    public SourceQueue(Waker reader, Waker task) {
        this.reader = reader;
        this.task = task;
        for (int i = 0; i < PAGES; i++) {
            pages[i] = new SharedPage();
        }
    }

    /** The reader is open, and stands here. Thread: the reader, before its first row. */
    public void start(Object position) {
        startPosition = position;
        task.wake();
    }

    /** Offers a copy of a row; false when the queue is full. Thread: the reader. */
    public boolean offer(RowView row, Object positionBehind) {
        stamp();
        SharedPage shared = openPageFor(row.sizeBytes());
        if (shared == null) {
            return false;
        }
        int index = shared.page.rowCount();
        shared.page.append(row.bytes(), row.offset(), row.sizeBytes(), Page.NO_KEY_GROUP, stampNanos);
        shared.positions[index] = positionBehind;
        shared.readNanos[index] = stampNanos;
        offeredTotal++;
        shared.published = ((long) (index + 1) << 32) | shared.page.endOffset();
        task.wake();
        return true;
    }

    /**
     * Reads the clock where it matters: a run of rows is as old as its first, so while the task is
     * behind, rows carry the time of one shortly before, which errs on the side of a longer latency.
     */
    private void stamp() {
        if ((offeredTotal & (ROWS_PER_STAMP - 1)) == 0 || takenTotal == offeredTotal) {
            stampNanos = System.nanoTime();
        }
    }

    private @Nullable SharedPage openPageFor(int rowSizeBytes) {
        long count = opened;
        if (count > 0) {
            SharedPage current = pages[(int) ((count - 1) % PAGES)];
            if (current.takes(rowSizeBytes)) {
                return current;
            }
            nextPageBytes = Math.min(Page.CAPACITY_BYTES, nextPageBytes * 2);
        }
        if (count - released >= PAGES) {
            readerWaits = true;
            if (count - released >= PAGES) {
                return null;
            }
            readerWaits = false;
        }
        SharedPage next = pages[(int) (count % PAGES)];
        next.reopen(Math.max(nextPageBytes, Page.recordBytes(rowSizeBytes)));
        opened = count + 1;
        return next;
    }

    /**
     * Points the cursor at all rows that are there, within one page; false when there are none. The
     * rows stay valid until {@link #taken}.
     *
     * <p>Thread: the task.
     */
    public boolean take(RowCursor cursor) {
        while (true) {
            long done = released;
            if (opened == done) {
                return false;
            }
            SharedPage shared = pages[(int) (done % PAGES)];
            boolean finished = opened > done + 1; // read before published: then published is final
            long published = shared.published;
            int rows = (int) (published >>> 32);
            if (rows > takenRows) {
                offeredRows = rows;
                offeredOffset = (int) published;
                cursor.pointTo(shared.page, takenOffset, offeredOffset, shared.readNanos[takenRows]);
                return true;
            }
            if (!finished) {
                return false;
            }
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
    @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
    public int taken() {
        int count = offeredRows - takenRows;
        position = pages[(int) (released % PAGES)].positions[offeredRows - 1];
        takenRows = offeredRows;
        takenOffset = offeredOffset;
        takenTotal = takenTotal + count;
        return count;
    }

    /** The position behind the last row taken; null while the reader is not open. Thread: the task. */
    public @Nullable Object position() {
        Object last = position;
        return last != null ? last : startPosition;
    }

    /** Whether {@link #take} would find rows. Thread: the task. */
    public boolean hasRows() {
        long done = released;
        long count = opened;
        return count > done + 1 || (count > done && (int) (pages[(int) (done % PAGES)].published >>> 32) > takenRows);
    }
}
