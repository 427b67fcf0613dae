package dev.millrace.engine.page;

/**
 * Walks the records of a page, or of a part of one, and remembers where it stands, so that an
 * operator whose output is full can go on later with the row it stopped at.
 *
 * <p>Thread: one owner. Lifetime: valid while the owner holds the page.
 */
public final class RowCursor {
    private Page page = new Page();
    private int position;
    private int limit;
    private long readNanos;
    private int inputPartition;
    private Side side = Side.LEFT;

    /** Points at the records of {@code newPage} between two record offsets. */
    public RowCursor pointTo(Page newPage, int start, int end, long newReadNanos) {
        page = newPage;
        position = start;
        limit = end;
        readNanos = newReadNanos;
        return this;
    }

    public RowCursor pointTo(Page newPage) {
        return pointTo(newPage, 0, newPage.endOffset(), newPage.oldestReadNanos());
    }

    /** Points where another cursor stands, and is then moved on its own. */
    public RowCursor pointTo(RowCursor other) {
        inputPartition = other.inputPartition;
        side = other.side;
        return pointTo(other.page, other.position, other.limit, other.readNanos);
    }

    public boolean hasRow() {
        return position < limit;
    }

    /** Points {@code row} at the current row, without stepping over it. */
    public RowView row(RowView row) {
        return row.pointTo(page.bytes(), position + Page.HEADER_BYTES, page.rowSizeBytes(position));
    }

    public int keyGroup() {
        return page.keyGroup(position);
    }

    /** Steps over the current row. */
    public void advance() {
        position = page.nextRecord(position);
    }

    /** Steps to the end. */
    public void skipAll() {
        position = limit;
    }

    /** Units: {@link System#nanoTime} when the oldest of these rows was read. */
    public long readNanos() {
        return readNanos;
    }

    /**
     * Which of the task's input partitions these rows came from, counted from 0: those of the source that it
     * reads, or that tasks before it read where rows stay on their task. Behind an exchange that spreads
     * rows all are of one.
     */
    public int inputPartition() {
        return inputPartition;
    }

    public void inputPartition(int partition) {
        inputPartition = partition;
    }

    /** The input by which these rows came to the task; the left one behind its first operator. */
    public Side side() {
        return side;
    }

    public void side(Side newSide) {
        side = newSide;
    }
}
