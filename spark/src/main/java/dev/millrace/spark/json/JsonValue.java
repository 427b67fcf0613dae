package dev.millrace.spark.json;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.util.GenericArrayData;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.types.Decimal$;
import org.jspecify.annotations.Nullable;

/**
 * Reads a value of one of Spark's types, as {@code JacksonParser} does. Whatever is not plainly such a value is {@link
 * #UNSURE}.
 *
 * <p>Thread: one owner.
 */
sealed interface JsonValue {
    /** The answer where Spark's parser has to look: it may find an error, or take what it is lenient about. */
    Object UNSURE = new Object();

    /** The value that comes next in the text; the text is then behind it. */
    @Nullable
    Object read(JsonText text);

    /** As {@link #read}, or null for the text's null. */
    default @Nullable Object readNullable(JsonText text) {
        if (text.next() != 'n') {
            return read(text);
        }
        return text.skipWord("null") ? null : UNSURE;
    }

    private static boolean isNumber(JsonText text) {
        int next = text.next();
        return (next == '-' || (next >= '0' && next <= '9')) && text.skipNumber();
    }

    private static boolean isString(JsonText text) {
        return text.next() == '"' && text.skipString();
    }

    /** A value that no column takes. */
    record Unread() implements JsonValue {
        @Override
        public @Nullable Object read(JsonText text) {
            return text.skipValue() ? null : UNSURE;
        }
    }

    /** A boolean. */
    record Truth() implements JsonValue {
        @Override
        public Object read(JsonText text) {
            return switch (text.next()) {
                case 't' -> text.skipWord("true") ? Boolean.TRUE : UNSURE;
                case 'f' -> text.skipWord("false") ? Boolean.FALSE : UNSURE;
                default -> UNSURE;
            };
        }
    }

    /** An integer between two bounds. */
    record Whole(long least, long greatest, Boxing boxing) implements JsonValue {
        /** Makes what Spark's rows hold for a type. */
        interface Boxing {
            Object box(long value);
        }

        @Override
        public Object read(JsonText text) {
            if (!isNumber(text) || !text.isLong()) {
                return UNSURE;
            }
            long value = text.longValue();
            return value >= least && value <= greatest ? boxing.box(value) : UNSURE;
        }
    }

    /** A double. */
    record Floating() implements JsonValue {
        @Override
        public Object read(JsonText text) {
            return isNumber(text) && (text.isLong() || !text.isWhole()) ? (Object) text.doubleValue() : UNSURE;
        }
    }

    /** A decimal number. */
    record Exact(int precision, int scale) implements JsonValue {
        @Override
        public Object read(JsonText text) {
            if (!isNumber(text)) {
                return UNSURE;
            }
            try {
                Decimal decimal = Decimal$.MODULE$.apply(new java.math.BigDecimal(text.numberText()), precision, scale);
                return decimal;
            } catch (ArithmeticException e) {
                return UNSURE; // It has too many digits.
            }
        }
    }

    /** A string. */
    record Letters() implements JsonValue {
        @Override
        public Object read(JsonText text) {
            Object string = isString(text) ? text.string() : null;
            return string == null ? UNSURE : string;
        }
    }

    /**
     * A date or a time, which Spark's own formatter reads.
     *
     * @param ofSeconds whether a whole number is one too, in seconds
     */
    record Formatted(Formatter formatter, boolean ofSeconds) implements JsonValue {
        /** One of Spark's. */
        interface Formatter {
            Object parse(String text) throws Exception;
        }

        private static final long MICROS_PER_SECOND = 1_000_000L;

        @Override
        public Object read(JsonText text) {
            if (text.next() != '"') {
                return ofSeconds && isNumber(text) && text.isLong()
                        ? (Object) (text.longValue() * MICROS_PER_SECOND)
                        : UNSURE;
            }
            String string = text.skipString() ? text.plainString() : null;
            if (string == null) {
                return UNSURE;
            }
            try {
                return formatter.parse(string);
            } catch (Exception e) {
                return UNSURE; // Spark tries other ways, or says what is wrong.
            }
        }
    }

    /** An array. */
    record Elements(JsonValue element) implements JsonValue {
        @Override
        public Object read(JsonText text) {
            if (!text.skip('[')) {
                return UNSURE;
            }
            List<@Nullable Object> values = new ArrayList<>();
            if (!text.skip(']')) {
                do {
                    Object value = element.readNullable(text);
                    if (value == UNSURE) {
                        return UNSURE;
                    }
                    values.add(value);
                } while (text.skip(','));
                if (!text.skip(']')) {
                    return UNSURE;
                }
            }
            return new GenericArrayData(values.toArray());
        }
    }

    /** An object as a row; names of which the row has none are gone past, and of a name that is there twice the last counts. */
    final class Fields implements JsonValue {
        private final byte[][] names;
        private final JsonValue[] values;

        /** @param names in UTF-8 */
        Fields(byte[][] names, JsonValue[] values) {
            this.names = names;
            this.values = values;
        }

        @Override
        public Object read(JsonText text) {
            if (!text.skip('{')) {
                return UNSURE;
            }
            Object[] row = new Object[values.length];
            if (text.skip('}')) {
                return new GenericInternalRow(row);
            }
            int expected = 0;
            do {
                if (text.next() != '"' || !text.skipName()) {
                    return UNSURE;
                }
                int field = find(text, expected);
                if (field < 0) {
                    if (!text.skipValue()) {
                        return UNSURE;
                    }
                } else {
                    Object value = values[field].readNullable(text);
                    if (value == UNSURE) {
                        return UNSURE;
                    }
                    row[field] = value;
                    expected = field + 1;
                }
            } while (text.skip(','));
            return text.skip('}') ? new GenericInternalRow(row) : UNSURE;
        }

        /** Fields mostly come in the schema's order. */
        private int find(JsonText text, int expected) {
            if (expected < names.length && text.isString(names[expected])) {
                return expected;
            }
            for (int i = 0; i < names.length; i++) {
                if (text.isString(names[i])) {
                    return i;
                }
            }
            return -1;
        }
    }
}
