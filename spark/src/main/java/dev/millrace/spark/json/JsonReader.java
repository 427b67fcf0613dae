package dev.millrace.spark.json;

import dev.millrace.spark.scala.Scala;
import java.io.Serializable;
import java.util.Objects;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.JsonToStructs;
import org.apache.spark.sql.catalyst.expressions.json.JsonToStructsEvaluator;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.unsafe.types.UTF8String;
import org.jspecify.annotations.Nullable;

/**
 * Gives what Spark's {@code from_json} gives for a struct. A text that is plainly an object of the schema is read from
 * its bytes, without a decoder and a parser made for it; of any other, malformed or merely unusual, Spark's own evaluator
 * says what it is.
 *
 * <p>Thread: one owner; expressions are copied for each task. Source: Spark's JsonToStructsEvaluator and JacksonParser.
 */
public final class JsonReader implements Serializable {
    private static final long serialVersionUID = 1;

    /** Far below what Jackson bounds. */
    private static final int MAX_BYTES = 1 << 20;

    private final JsonToStructsEvaluator sparks;
    private final StructType schema;
    private final JsonTypes types;
    private transient @Nullable JsonValue value;
    private transient @Nullable JsonText text;

    private JsonReader(JsonToStructsEvaluator sparks, StructType schema, JsonTypes types) {
        this.sparks = sparks;
        this.schema = schema;
        this.types = types;
    }

    /** What reads as {@code expression} does; null where Spark alone can. */
    static @Nullable JsonReader of(JsonToStructs expression, String corruptRecordColumn) {
        JsonTypes types = JsonTypes.of(expression, corruptRecordColumn);
        if (types == null || !(expression.dataType() instanceof StructType schema) || !types.canRead(schema)) {
            return null;
        }
        JsonToStructsEvaluator sparks = new JsonToStructsEvaluator(
                expression.options(),
                schema,
                corruptRecordColumn,
                expression.timeZoneId(),
                expression.variantAllowDuplicateKeys());
        return new JsonReader(sparks, schema, types);
    }

    /** The row, or null where the text is blank. Called by generated code. */
    public @Nullable InternalRow evaluate(UTF8String json) {
        Object row = readPlain(json);
        return row == JsonValue.UNSURE ? Scala.<InternalRow>cast(sparks.evaluate(json)) : (InternalRow) row;
    }

    /** The row, or null where the text is not plain. Called by generated code. */
    public @Nullable InternalRow plain(UTF8String json) {
        Object row = readPlain(json);
        return row == JsonValue.UNSURE ? null : (InternalRow) row;
    }

    /** The row, or {@link JsonValue#UNSURE}. Strings in it may share the text's bytes, as columns share those of a row. */
    @Nullable
    Object readPlain(UTF8String json) {
        if (!(json.getBaseObject() instanceof byte[] bytes) || json.numBytes() > MAX_BYTES) {
            return JsonValue.UNSURE;
        }
        JsonValue reading = value;
        if (reading == null) {
            reading = types.value(schema);
            value = reading;
            text = new JsonText();
        }
        int start = (int) (json.getBaseOffset() - Platform.BYTE_ARRAY_OFFSET);
        JsonText all = Objects.requireNonNull(text);
        all.pointTo(bytes, start, start + json.numBytes());
        return reading.read(all); // Spark does not look behind the object either.
    }

    @Override
    public String toString() {
        return "from_json(%s)".formatted(schema.toDDL());
    }
}
