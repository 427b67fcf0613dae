package dev.millrace.engine.task;

import dev.millrace.engine.operator.Output;
import dev.millrace.engine.page.Page;

/**
 * Rows between two operators of one task's chain.
 *
 * <p>Bounds: one page, with room to spare for the row that fills it. Thread: the owning task.
 */
final class PageOutput implements Output {
    private static final int FULL_BYTES = Page.CAPACITY_BYTES * 3 / 4;

    private final Page page = new Page();
    private long readNanos;

    void readNanos(long nanos) {
        readNanos = nanos;
    }

    Page page() {
        return page;
    }

    @Override
    public boolean isFull() {
        return page.endOffset() >= FULL_BYTES;
    }

    @Override
    public void emit(byte[] bytes, int offset, int sizeBytes) {
        page.append(bytes, offset, sizeBytes, Page.NO_KEY_GROUP, readNanos);
    }
}
