package dev.millrace.spark.aggregate;

import dev.millrace.engine.operator.Aggregate;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.fragment.Rows;
import dev.millrace.spark.key.EventTimeColumn;
import dev.millrace.spark.key.KeyReader;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.unsafe.Platform;
import org.jspecify.annotations.Nullable;

/**
 * An aggregation whose buffers have a fixed size and are changed where they lie.
 *
 * <p>Thread: the owning task.
 */
final class BytesAggregate implements Aggregate.InBytes {
    /** A buffer without fields still takes room, as an entry's value must. */
    private static final int MIN_BUFFER_BYTES = 8;

    private final FunctionSet functions;
    private final @Nullable GeneratedBuffer code;
    private final KeyReader keys;
    private final boolean hasKeys;
    private final EventTimeColumn eventTime;
    private final ResultRow results;
    private final RowView initial;
    private final UnsafeRow buffer;
    private final UnsafeRow otherBuffer;
    private final UnsafeRow row;
    private final UnsafeRow key;
    private final RowView result = new RowView();
    private final JoinedRow bufferAndRow;

    BytesAggregate(AggregateSpecification specification, FunctionSet functions) {
        this.functions = functions;
        keys = KeyReader.of(specification.keys(), specification.input());
        hasKeys = !specification.keys().isEmpty();
        eventTime = EventTimeColumn.markedIn(specification.keys());
        results = new ResultRow(specification, functions);
        buffer = new UnsafeRow(functions.bufferTypes().length);
        otherBuffer = new UnsafeRow(functions.bufferTypes().length);
        row = new UnsafeRow(specification.input().size());
        bufferAndRow = new JoinedRow(buffer, row);
        key = new UnsafeRow(specification.keys().size());
        initial = freshBuffer(functions);
        functions.target(buffer);
        code = functions.hasImperatives() ? null : generate(specification, functions);
    }

    private static @Nullable GeneratedBuffer generate(AggregateSpecification specification, FunctionSet functions) {
        return BufferCode.generate(
                        functions.updates(),
                        ResultRow.inlined(specification, functions),
                        specification.keys(),
                        functions.bufferAttributes(),
                        specification.input())
                .orElse(null);
    }

    private static RowView freshBuffer(FunctionSet functions) {
        int fieldCount = functions.bufferTypes().length;
        // Projecting nulls keeps the room that wide decimals and intervals need to be changed in place.
        UnsafeRow fresh = UnsafeProjection.create(functions.bufferTypes())
                .apply(new GenericInternalRow(fieldCount))
                .copy();
        functions.initialize(fresh);
        byte[] bytes = fresh.getSizeInBytes() == 0 ? new byte[MIN_BUFFER_BYTES] : fresh.getBytes();
        return new RowView().pointTo(bytes, 0, bytes.length);
    }

    @Override
    public RowView key(RowView input) {
        return keys.key(input);
    }

    @Override
    public boolean hasKeys() {
        return hasKeys;
    }

    @Override
    public long expiryMicros(RowView key) {
        return eventTime.micros(key);
    }

    @Override
    public RowView initialBuffer() {
        return initial;
    }

    @Override
    public void update(byte[] bytes, int offset, RowView input) {
        buffer.pointTo(bytes, Platform.BYTE_ARRAY_OFFSET + (long) offset, initial.sizeBytes());
        Rows.point(row, input);
        if (code != null) {
            code.update(buffer, row);
        } else {
            functions.update(buffer, row, bufferAndRow);
        }
    }

    @Override
    public void merge(byte[] bytes, int offset, byte[] otherBytes, int otherOffset) {
        buffer.pointTo(bytes, Platform.BYTE_ARRAY_OFFSET + (long) offset, initial.sizeBytes());
        otherBuffer.pointTo(otherBytes, Platform.BYTE_ARRAY_OFFSET + (long) otherOffset, initial.sizeBytes());
        functions.merge(buffer, otherBuffer);
    }

    @Override
    public RowView result(RowView keyBytes, byte[] bytes, int offset) {
        buffer.pointTo(bytes, Platform.BYTE_ARRAY_OFFSET + (long) offset, initial.sizeBytes());
        return code != null
                ? Rows.point(result, code.result(Rows.point(key, keyBytes), buffer))
                : results.of(keyBytes, buffer);
    }
}
