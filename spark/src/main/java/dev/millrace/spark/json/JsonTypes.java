package dev.millrace.spark.json;

import dev.millrace.spark.scala.Scala;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.catalyst.expressions.JsonToStructs;
import org.apache.spark.sql.catalyst.json.JSONOptions;
import org.apache.spark.sql.catalyst.util.DateFormatter;
import org.apache.spark.sql.catalyst.util.DateFormatter$;
import org.apache.spark.sql.catalyst.util.LegacyDateFormats;
import org.apache.spark.sql.catalyst.util.TimestampFormatter;
import org.apache.spark.sql.catalyst.util.TimestampFormatter$;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DateType;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.types.TimestampType;
import org.jspecify.annotations.Nullable;

/**
 * Which of Spark's types can be read here, and by what, under the options of a {@code from_json}.
 *
 * @param options the expression's
 * @param timeZone the session's at the time
 * @param corruptRecordColumn the session's setting; an option may say otherwise
 *
 * <p>Thread: any. Source: the converters of Spark's JacksonParser.
 */
record JsonTypes(Map<String, String> options, String timeZone, String corruptRecordColumn) implements Serializable {
    /** Options that change nothing about what is plainly an object of the schema, or only how Spark's formatters read. */
    private static final Set<String> OPTIONS = Set.of(
            "mode",
            "columnnameofcorruptrecord",
            "timezone",
            "locale",
            "dateformat",
            "timestampformat",
            "timestampntzformat");

    /** What a decoder puts in the place of what it cannot read. */
    private static final char REPLACEMENT = '\ufffd';

    static final String DEFAULT_OF_MISSING = "EXISTS_DEFAULT";

    /** The types under an expression's options; null where an option may change anything else. */
    static @Nullable JsonTypes of(JsonToStructs expression, String corruptRecordColumn) {
        Map<String, String> options = Scala.map(expression.options());
        boolean known = options.keySet().stream().allMatch(name -> OPTIONS.contains(name.toLowerCase(Locale.ROOT)));
        return known && expression.timeZoneId().isDefined()
                ? new JsonTypes(Map.copyOf(options), expression.timeZoneId().get(), corruptRecordColumn)
                : null;
    }

    private JSONOptions sparks() {
        return new JSONOptions(Scala.immutableMap(options), timeZone, corruptRecordColumn);
    }

    boolean canRead(DataType type) {
        if (type instanceof StructType struct) {
            return canReadFields(struct);
        }
        return type instanceof ArrayType array ? canRead(array.elementType()) : isScalar(type);
    }

    /** Whether a type has no parts, and is both read and written. */
    static boolean isScalar(DataType type) {
        return type instanceof BooleanType
                || type instanceof ByteType
                || type instanceof ShortType
                || type instanceof IntegerType
                || type instanceof LongType
                || type instanceof DoubleType
                || type instanceof DecimalType
                || type instanceof StringType
                || type instanceof DateType
                || type instanceof TimestampType;
    }

    private boolean canReadFields(StructType struct) {
        Set<String> names = new HashSet<>();
        for (StructField field : struct.fields()) {
            if (!names.add(field.name())
                    || field.name().indexOf(REPLACEMENT) >= 0
                    || field.metadata().contains(DEFAULT_OF_MISSING)
                    || !canRead(field.dataType())) {
                return false;
            }
        }
        return true;
    }

    /** What reads a type that it {@linkplain #canRead can read}. Thread: the one that reads, as formatters are its own. */
    JsonValue value(DataType type) {
        JSONOptions sparks = sparks();
        return type instanceof StructType root ? fields(root, sparks, true) : value(type, sparks);
    }

    private JsonValue value(DataType type, JSONOptions sparks) {
        if (type instanceof StructType struct) {
            return fields(struct, sparks, false);
        } else if (type instanceof ArrayType array) {
            return new JsonValue.Elements(value(array.elementType(), sparks));
        } else if (type instanceof BooleanType) {
            return new JsonValue.Truth();
        } else if (type instanceof ByteType) {
            return new JsonValue.Whole(Byte.MIN_VALUE, Byte.MAX_VALUE, value -> (byte) value);
        } else if (type instanceof ShortType) {
            return new JsonValue.Whole(Short.MIN_VALUE, Short.MAX_VALUE, value -> (short) value);
        } else if (type instanceof IntegerType) {
            return new JsonValue.Whole(Integer.MIN_VALUE, Integer.MAX_VALUE, value -> (int) value);
        } else if (type instanceof LongType) {
            return new JsonValue.Whole(Long.MIN_VALUE, Long.MAX_VALUE, value -> value);
        } else if (type instanceof DoubleType) {
            return new JsonValue.Floating();
        } else if (type instanceof DecimalType decimal) {
            return new JsonValue.Exact(decimal.precision(), decimal.scale());
        } else if (type instanceof StringType) {
            return new JsonValue.Letters();
        } else if (type instanceof DateType) {
            DateFormatter formatter = DateFormatter$.MODULE$.apply(
                    sparks.dateFormatInRead(), sparks.locale(), LegacyDateFormats.FAST_DATE_FORMAT(), true);
            return new JsonValue.Formatted(formatter::parse, false);
        } else if (type instanceof TimestampType) {
            TimestampFormatter formatter = TimestampFormatter$.MODULE$.apply(
                    sparks.timestampFormatInRead(),
                    sparks.zoneId(),
                    sparks.locale(),
                    LegacyDateFormats.FAST_DATE_FORMAT(),
                    true);
            return new JsonValue.Formatted(formatter::parse, true);
        }
        throw new IllegalArgumentException("type=%s".formatted(type));
    }

    /** Of the root's fields one may be that for malformed texts, which is not read. */
    private JsonValue fields(StructType struct, JSONOptions sparks, boolean isRoot) {
        StructField[] fields = struct.fields();
        byte[][] names = new byte[fields.length][];
        JsonValue[] values = new JsonValue[fields.length];
        for (int i = 0; i < fields.length; i++) {
            names[i] = fields[i].name().getBytes(StandardCharsets.UTF_8);
            boolean isCorruptRecord = isRoot && fields[i].name().equals(sparks.columnNameOfCorruptRecord());
            values[i] = isCorruptRecord ? new JsonValue.Unread() : value(fields[i].dataType(), sparks);
        }
        return new JsonValue.Fields(names, values);
    }
}
