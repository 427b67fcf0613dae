package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;

/**
 * An aggregation whose buffers have a fixed size, with each of them in an array of its own.
 *
 * <p>Thread: the owning task.
 */
final class BytesAsObjects implements Aggregate.InObjects {
    private static final long ARRAY_HEADER_BYTES = 16;

    private final Aggregate.InBytes aggregate;
    private final RowView view = new RowView();

    private BytesAsObjects(Aggregate.InBytes aggregate) {
        this.aggregate = aggregate;
    }

    /** An aggregation of either kind as one whose buffers are objects. */
    static Aggregate.InObjects of(Aggregate aggregate) {
        return aggregate instanceof Aggregate.InBytes inBytes
                ? new BytesAsObjects(inBytes)
                : (Aggregate.InObjects) aggregate;
    }

    @Override
    public RowView key(RowView row) {
        return aggregate.key(row);
    }

    @Override
    public long expiryMicros(RowView key) {
        return aggregate.expiryMicros(key);
    }

    @Override
    public Object newBuffer() {
        return aggregate.initialBuffer().toBytes();
    }

    @Override
    public void update(Object buffer, RowView row) {
        aggregate.update((byte[]) buffer, 0, row);
    }

    @Override
    public void merge(Object buffer, Object other) {
        aggregate.merge((byte[]) buffer, 0, (byte[]) other, 0);
    }

    @Override
    public RowView result(RowView key, Object buffer) {
        return aggregate.result(key, (byte[]) buffer, 0);
    }

    @Override
    public RowView serialize(Object buffer) {
        byte[] bytes = (byte[]) buffer;
        return view.pointTo(bytes, 0, bytes.length);
    }

    @Override
    public Object deserialize(RowView bytes) {
        return bytes.toBytes();
    }

    @Override
    public long estimatedBytes(Object buffer) {
        return ARRAY_HEADER_BYTES + ((byte[]) buffer).length;
    }
}
