package dev.millrace.spark.json;

import dev.millrace.spark.scala.Scala;
import java.io.Serializable;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.json.StructsToJsonEvaluator;
import org.apache.spark.sql.catalyst.json.JSONOptions;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;
import org.jspecify.annotations.Nullable;

/**
 * Gives what Spark's {@code to_json} gives for a struct, written as bytes: Spark's goes by characters, a string and its
 * encoding.
 *
 * <p>Thread: one owner; expressions are copied for each task. Source: Spark's StructsToJsonEvaluator and
 * JacksonGenerator.
 */
public final class JsonWriter implements Serializable {
    private static final long serialVersionUID = 1;

    /** Options that say how formatters write, or whether fields without a value are left out. */
    private static final Set<String> OPTIONS =
            Set.of("timezone", "locale", "dateformat", "timestampformat", "ignorenullfields");

    private final StructsToJsonEvaluator sparks;
    private final StructType schema;
    private transient JsonSink.@Nullable Fields fields;
    private transient @Nullable JsonBytes bytes;

    private JsonWriter(StructsToJsonEvaluator sparks, StructType schema) {
        this.sparks = sparks;
        this.schema = schema;
    }

    /** What writes as {@code sparks} does; null where Spark alone can. */
    static @Nullable JsonWriter of(StructsToJsonEvaluator sparks) {
        Map<String, String> options = Scala.map(sparks.options());
        boolean known = options.keySet().stream().allMatch(name -> OPTIONS.contains(name.toLowerCase(Locale.ROOT)));
        return known
                        && sparks.timeZoneId().isDefined()
                        && sparks.inputSchema() instanceof StructType schema
                        && JsonSink.canWrite(schema)
                ? new JsonWriter(sparks, schema)
                : null;
    }

    /** The text. Called by generated code. */
    public UTF8String evaluate(InternalRow row) {
        JsonSink.Fields writing = fields;
        if (writing == null) {
            // Here and not before, as Spark has it: options ask the settings of the task's session.
            String timeZone = sparks.timeZoneId().get();
            writing = JsonSink.fields(schema, new JSONOptions(sparks.options(), timeZone, ""));
            fields = writing;
            bytes = new JsonBytes();
        }
        JsonBytes text = Objects.requireNonNull(bytes);
        text.clear();
        writing.write(row, text);
        return text.text();
    }

    @Override
    public String toString() {
        return "to_json(%s)".formatted(schema.toDDL());
    }
}
