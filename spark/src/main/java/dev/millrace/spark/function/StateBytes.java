package dev.millrace.spark.function;

import dev.millrace.engine.page.RowView;
import dev.millrace.spark.fragment.Rows;
import dev.millrace.spark.scala.Scala;
import java.util.Arrays;
import org.apache.spark.sql.Encoder;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.analysis.SimpleAnalyzer$;
import org.apache.spark.sql.catalyst.encoders.ExpressionEncoder;
import org.apache.spark.sql.catalyst.encoders.package$;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.types.DataTypeUtils$;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * Between the user's states and their bytes: a row in Spark's layout and a byte behind it, or nothing
 * where a key has no state but a time-out. The byte tells a row without columns from nothing; it is always the same, for
 * keys of a user's map are told apart by their bytes.
 *
 * <p>Thread: the owning task. Lifetime: bytes are valid until the next ones are made.
 */
public final class StateBytes {
    /** What stands behind a row. */
    public static final byte BEHIND = 0;

    private final StructType schema;
    private final ExpressionEncoder.Serializer<Object> serializer;
    private final ExpressionEncoder.Deserializer<Object> deserializer;
    private final UnsafeRow row;
    private final RowView rowView = new RowView();
    private final RowView view = new RowView();
    private byte[] bytes = new byte[64];

    /** @param encoder bound to its own schema */
    StateBytes(ExpressionEncoder<Object> encoder) {
        schema = encoder.schema();
        serializer = encoder.createSerializer();
        deserializer = encoder.createDeserializer();
        row = new UnsafeRow(schema.length());
    }

    static StateBytes of(Encoder<?> encoder) {
        return new StateBytes(bound(package$.MODULE$.encoderFor(Scala.<Encoder<Object>>cast(encoder))));
    }

    /** An encoder whose deserializer reads rows of its own schema. */
    public static ExpressionEncoder<Object> bound(ExpressionEncoder<Object> encoder) {
        return encoder.resolveAndBind(
                Scala.cast(DataTypeUtils$.MODULE$.toAttributes(encoder.schema())), SimpleAnalyzer$.MODULE$);
    }

    /** The columns that a state's bytes are a row of. */
    StructType schema() {
        return schema;
    }

    RowView bytes(@Nullable Object state) {
        if (state == null) {
            return view.pointTo(bytes, 0, 0);
        }
        InternalRow serialized = serializer.apply(state);
        Rows.point(rowView, (UnsafeRow) serialized);
        int sizeBytes = rowView.sizeBytes();
        if (sizeBytes >= bytes.length) {
            bytes = Arrays.copyOf(bytes, sizeBytes + 1);
        }
        System.arraycopy(rowView.bytes(), rowView.offset(), bytes, 0, sizeBytes);
        bytes[sizeBytes] = BEHIND; // where a longer row was before
        return view.pointTo(bytes, 0, sizeBytes + 1);
    }

    @Nullable
    Object object(RowView from) {
        return from.sizeBytes() == 0
                ? null
                : deserializer.apply(
                        Rows.point(row, rowView.pointTo(from.bytes(), from.offset(), from.sizeBytes() - 1)));
    }
}
