package dev.millrace.spark.json;

import dev.millrace.spark.scala.Scala;
import java.util.Arrays;
import java.util.Map;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.SpecializedGetters;
import org.apache.spark.sql.catalyst.expressions.json.StructsToJsonEvaluator;
import org.apache.spark.sql.catalyst.json.JSONOptions;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.catalyst.util.DateFormatter;
import org.apache.spark.sql.catalyst.util.DateFormatter$;
import org.apache.spark.sql.catalyst.util.LegacyDateFormats;
import org.apache.spark.sql.catalyst.util.TimestampFormatter;
import org.apache.spark.sql.catalyst.util.TimestampFormatter$;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DateType;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.types.TimestampType;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * Writes a value of one of Spark's types, as {@code JacksonGenerator} does.
 *
 * <p>Thread: one owner.
 */
interface JsonSink {
    /** Writes the value at {@code ordinal}, which is there. */
    void write(SpecializedGetters from, int ordinal, JsonBytes to);

    /** Whether {@link #of} knows a type. */
    static boolean canWrite(DataType type) {
        if (type instanceof StructType struct) {
            for (StructField field : struct.fields()) {
                // Spark may write a default in the place of null.
                if (field.metadata().contains(JsonTypes.DEFAULT_OF_MISSING) || !canWrite(field.dataType())) {
                    return false;
                }
            }
            return true;
        }
        return type instanceof ArrayType array
                ? canWrite(array.elementType())
                : type instanceof FloatType || JsonTypes.isScalar(type);
    }

    private static JsonSink of(DataType type, JSONOptions options) {
        if (type instanceof StructType struct) {
            Fields fields = fields(struct, options);
            int count = struct.length();
            return (from, i, to) -> fields.write(from.getStruct(i, count), to);
        } else if (type instanceof ArrayType array) {
            JsonSink element = of(array.elementType(), options);
            return (from, i, to) -> writeElements(from.getArray(i), element, to);
        } else if (type instanceof BooleanType) {
            return (from, i, to) -> to.putAscii(from.getBoolean(i) ? "true" : "false");
        } else if (type instanceof ByteType) {
            return (from, i, to) -> to.put((long) from.getByte(i));
        } else if (type instanceof ShortType) {
            return (from, i, to) -> to.put((long) from.getShort(i));
        } else if (type instanceof IntegerType) {
            return (from, i, to) -> to.put((long) from.getInt(i));
        } else if (type instanceof LongType) {
            return (from, i, to) -> to.put(from.getLong(i));
        } else if (type instanceof FloatType) {
            return (from, i, to) -> writeFloating(Float.toString(from.getFloat(i)), to);
        } else if (type instanceof DoubleType) {
            return (from, i, to) -> writeFloating(Double.toString(from.getDouble(i)), to);
        } else if (type instanceof DecimalType decimal) {
            int precision = decimal.precision();
            int scale = decimal.scale();
            return (from, i, to) -> to.putAscii(
                    from.getDecimal(i, precision, scale).toJavaBigDecimal().toString());
        } else if (type instanceof StringType) {
            return (from, i, to) -> to.putString(from.getUTF8String(i));
        }
        return time(type, options);
    }

    private static JsonSink time(DataType type, JSONOptions options) {
        if (type instanceof DateType) {
            DateFormatter formatter = DateFormatter$.MODULE$.apply(
                    options.dateFormatInWrite(), options.locale(), LegacyDateFormats.FAST_DATE_FORMAT(), false);
            return (from, i, to) -> to.putString(formatter.format(from.getInt(i)));
        } else if (type instanceof TimestampType) {
            TimestampFormatter formatter = TimestampFormatter$.MODULE$.apply(
                    options.timestampFormatInWrite(),
                    options.zoneId(),
                    options.locale(),
                    LegacyDateFormats.FAST_DATE_FORMAT(),
                    false);
            return (from, i, to) -> to.putString(formatter.format(from.getLong(i)));
        }
        throw new IllegalArgumentException("type=%s".formatted(type));
    }

    /** In quotes where it is no number. */
    private static void writeFloating(String text, JsonBytes to) {
        boolean isNumber = Character.isDigit(text.charAt(text.length() - 1));
        if (isNumber) {
            to.putAscii(text);
        } else {
            to.put('"');
            to.putAscii(text);
            to.put('"');
        }
    }

    private static void writeElements(ArrayData array, JsonSink element, JsonBytes to) {
        to.put('[');
        int count = array.numElements();
        for (int i = 0; i < count; i++) {
            if (i > 0) {
                to.put(',');
            }
            if (array.isNullAt(i)) {
                to.putAscii("null");
            } else {
                element.write(array, i, to);
            }
        }
        to.put(']');
    }

    static Fields fields(StructType struct, JSONOptions options) {
        StructField[] fields = struct.fields();
        byte[][] names = new byte[fields.length][];
        JsonSink[] values = new JsonSink[fields.length];
        for (int i = 0; i < fields.length; i++) {
            names[i] = name(fields[i].name());
            values[i] = of(fields[i].dataType(), options);
        }
        return new Fields(names, values, options.ignoreNullFields());
    }

    /** A name in quotes with a colon, as Spark writes it, which does so once for all rows. */
    private static byte[] name(String name) {
        StructType field = new StructType().add(name, DataTypes.BooleanType);
        StructsToJsonEvaluator sparks = new StructsToJsonEvaluator(
                Scala.immutableMap(Map.of("ignoreNullFields", "false")), field, Scala.option("UTC"));
        byte[] object = Scala.<UTF8String>cast(sparks.evaluate(new GenericInternalRow(new Object[1])))
                .getBytes();
        return Arrays.copyOfRange(object, 1, object.length - "null}".length());
    }

    /** A row as an object. */
    final class Fields {
        private final byte[][] names;
        private final JsonSink[] values;
        private final boolean leavesNullsOut;

        /** @param names in quotes, with colons */
        Fields(byte[][] names, JsonSink[] values, boolean leavesNullsOut) {
            this.names = names;
            this.values = values;
            this.leavesNullsOut = leavesNullsOut;
        }

        void write(InternalRow row, JsonBytes to) {
            to.put('{');
            boolean isFirst = true;
            for (int i = 0; i < values.length; i++) {
                boolean isNull = row.isNullAt(i);
                if (isNull && leavesNullsOut) {
                    continue;
                }
                if (!isFirst) {
                    to.put(',');
                }
                isFirst = false;
                to.put(names[i]);
                if (isNull) {
                    to.putAscii("null");
                } else {
                    values[i].write(row, i, to);
                }
            }
            to.put('}');
        }
    }
}
