package dev.millrace.spark.json;

import java.io.Serializable;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;
import org.jspecify.annotations.Nullable;

/**
 * One of several {@code from_json} of the same text, as a view of the row that was read once for all of them.
 *
 * <p>Thread: one owner; expressions are copied for each task.
 */
public final class JsonView implements Serializable {
    private static final long serialVersionUID = 1;

    private final JsonReader reader;
    private final StructType all;
    private final int[] ordinals;
    private final boolean isWhole;

    /**
     * @param reader reads this one's fields alone
     * @param schema this one's
     * @param all the row's that was read, with those fields and others
     */
    JsonView(JsonReader reader, StructType schema, StructType all) {
        this.reader = reader;
        this.all = all;
        this.ordinals = new int[schema.length()];
        boolean inOrder = schema.length() == all.length();
        for (int i = 0; i < ordinals.length; i++) {
            ordinals[i] = all.fieldIndex(schema.fields()[i].name());
            inOrder &= ordinals[i] == i;
        }
        this.isWhole = inOrder;
    }

    /** The row, or null; {@code read} is null where the text is not plain. Called by generated code. */
    public @Nullable InternalRow evaluate(@Nullable UTF8String text, @Nullable InternalRow read) {
        if (text == null) {
            return null;
        } else if (read == null) {
            return reader.evaluate(text);
        } else if (isWhole) {
            return read;
        }
        Object[] values = new Object[ordinals.length];
        for (int i = 0; i < values.length; i++) {
            int ordinal = ordinals[i];
            values[i] = read.isNullAt(ordinal) ? null : read.get(ordinal, all.fields()[ordinal].dataType());
        }
        return new GenericInternalRow(values);
    }

    @Override
    public String toString() {
        return reader + " of what was read";
    }
}
