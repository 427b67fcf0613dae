package dev.millrace.spark.aggregate;

import dev.millrace.engine.operator.Aggregate;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.fragment.Rows;
import dev.millrace.spark.key.EventTimeColumn;
import dev.millrace.spark.key.KeyReader;
import dev.millrace.spark.scala.Scala;
import java.util.Arrays;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.catalyst.expressions.SpecificInternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.types.DataType;

/**
 * An aggregation whose buffers hold strings, collections, sketches or the user's own objects, which
 * stay objects from row to row.
 *
 * <p>Thread: the owning task.
 */
final class ObjectsAggregate implements Aggregate.InObjects {
    private final FunctionSet functions;
    private final KeyReader keys;
    private final boolean hasKeys;
    private final EventTimeColumn eventTime;
    private final ResultRow results;
    private final DataType[] bufferTypes;
    private final UnsafeRow row;
    private final UnsafeRow serialized;
    private final UnsafeProjection toBytes;
    private final JoinedRow bufferAndRow = new JoinedRow();
    private final RowView view = new RowView();

    ObjectsAggregate(AggregateSpecification specification, FunctionSet functions) {
        this.functions = functions;
        keys = KeyReader.of(specification.keys(), specification.input());
        hasKeys = !specification.keys().isEmpty();
        eventTime = EventTimeColumn.markedIn(specification.keys());
        results = new ResultRow(specification, functions);
        bufferTypes = functions.bufferTypes();
        row = new UnsafeRow(specification.input().size());
        serialized = new UnsafeRow(bufferTypes.length);
        toBytes = UnsafeProjection.create(bufferTypes);
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
    public Object newBuffer() {
        InternalRow buffer = emptyBuffer();
        functions.initialize(buffer);
        return buffer;
    }

    private InternalRow emptyBuffer() {
        return new SpecificInternalRow(Scala.<DataType>seq(Arrays.asList(bufferTypes)));
    }

    @Override
    public void update(Object buffer, RowView input) {
        InternalRow fields = (InternalRow) buffer;
        functions.target(fields);
        Rows.point(row, input);
        functions.update(fields, row, bufferAndRow.apply(fields, row));
    }

    @Override
    public void merge(Object buffer, Object other) {
        functions.merge((InternalRow) buffer, (InternalRow) other);
    }

    @Override
    public RowView result(RowView key, Object buffer) {
        return results.of(key, (InternalRow) buffer);
    }

    @Override
    public RowView serialize(Object buffer) {
        InternalRow fields = (InternalRow) buffer;
        GenericInternalRow copy = new GenericInternalRow(bufferTypes.length);
        for (int i = 0; i < bufferTypes.length; i++) {
            copy.update(i, fields.isNullAt(i) ? null : fields.get(i, bufferTypes[i]));
        }
        functions.serializeObjects(copy);
        return Rows.point(view, toBytes.apply(copy));
    }

    @Override
    public Object deserialize(RowView bytes) {
        InternalRow buffer = emptyBuffer();
        functions.restore(buffer, Rows.point(serialized, bytes));
        return buffer;
    }

    @Override
    public long estimatedBytes(Object buffer) {
        InternalRow fields = (InternalRow) buffer;
        long sum = ObjectSize.ROW_BYTES;
        for (int i = 0; i < bufferTypes.length; i++) {
            sum += ObjectSize.estimate(fields.isNullAt(i) ? null : fields.get(i, bufferTypes[i]));
        }
        return sum;
    }
}
