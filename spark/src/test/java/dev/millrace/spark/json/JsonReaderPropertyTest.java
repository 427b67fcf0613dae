package dev.millrace.spark.json;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.scala.Scala;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.JsonToStructs;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.expressions.json.JsonToStructsEvaluator;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random texts, plain, unusual and broken ones, of random schemas: the same rows as of Spark's own evaluator, bit by bit,
 * and the same errors.
 */
final class JsonReaderPropertyTest {
    /** More by {@code -Dmillrace.json.schemas}. */
    private static final int SCHEMAS = Integer.getInteger("millrace.json.schemas", 60);

    private static final int TEXTS = 400;
    private static final String CORRUPT = "_corrupt_record";

    private static final List<DataType> SCALARS = List.of(
            DataTypes.BooleanType,
            DataTypes.ByteType,
            DataTypes.ShortType,
            DataTypes.IntegerType,
            DataTypes.LongType,
            DataTypes.DoubleType,
            DataTypes.createDecimalType(10, 3),
            DataTypes.createDecimalType(38, 0),
            DataTypes.StringType,
            DataTypes.DateType,
            DataTypes.TimestampType);

    /** What stands for values: most fit some type, some fit none, some are no JSON, or such as Spark is lenient about. */
    private static final List<String> VALUES = List.of(
            "0",
            "1",
            "-1",
            "-0",
            "127",
            "128",
            "200",
            "-129",
            "32767",
            "32768",
            "2147483647",
            "2147483648",
            "9223372036854775807",
            "9223372036854775808",
            "123456789012345678",
            "1234567890123456789",
            "99999999999999999999",
            "0.0",
            "-0.0",
            "1.5",
            "-2.25",
            "0.1",
            "1e3",
            "1E+2",
            "2.5e-3",
            "1e22",
            "1e23",
            "4.35",
            "9007199254740993.0",
            "0.30000000000000004",
            "1e400",
            "1e-400",
            "123456789.123456789123",
            "3.0000000000000000000001",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "NaN",
            "Infinity",
            "-Infinity",
            "0x10",
            "1_000",
            "true",
            "false",
            "null",
            "True",
            "nul",
            "truex",
            "\"\"",
            "\"a\"",
            "\"NaN\"",
            "\"+INF\"",
            "\"12\"",
            "\"true\"",
            "\"null\"",
            "\"2024-02-29\"",
            "\"2023-02-29\"",
            "\"2024-01-01T10:11:12.123Z\"",
            "\"2024-01-01 10:11:12\"",
            "\"10:11\"",
            "\"10000\"",
            "\"-1\"",
            "\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\t\"",
            "\"\\u00e9\\u4e2d\\u0041\\u0000\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\"\\ude00\\ud83d\"",
            "\"\\ud83dx\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\\'\"",
            "'single'",
            "\"tab\tin\"",
            "\"line\nin\"",
            "\"\u0001\"",
            "\"\u007f\"",
            "\"é\"",
            "\"中文\"",
            "\"😀\"",
            "\"\ufeff\"",
            "\"unclosed",
            "plain",
            "[]",
            "[1,2]",
            "[1,]",
            "[\"a\",null]",
            "[[1],[2]]",
            "[1",
            "{}",
            "{\"a\":1}",
            "{\"a\":{\"b\":[1,{}]}}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\" 1}",
            "/* c */ 1",
            "\"YWJj\"",
            "");

    private static final List<String> SPACES = List.of("", "", "", " ", "\n", "\t", "\r\n ", "\u00a0", "\f");
    private static final List<String> NAMES =
            List.of("a", "b", "c", "A", "é", "a b", "", "longer name", "a\\u0062", "x\\\"y");

    @Test
    void givesWhatSparkGivesForRandomTexts() {
        long seed = System.nanoTime();
        long plain = 0;
        for (int i = 0; i < SCHEMAS; i++) {
            plain += compareOne(seed + i);
        }
        // Else nothing was shown but that Spark's evaluator equals itself.
        assertThat(plain).isGreaterThan(SCHEMAS * TEXTS / 20);
    }

    /** Seeds that once failed, and some more. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void givesWhatSparkGivesForTheseSeeds(long seed) {
        compareOne(seed);
    }

    /** Gives how many texts were read without Spark's parser. */
    private static long compareOne(long seed) {
        Random random = new Random(seed);
        StructType schema = schema(random, 2);
        Map<String, String> options = options(random);
        if (random.nextInt(5) == 0) {
            schema = schema.add(CORRUPT, DataTypes.StringType);
        }
        JsonToStructs expression = new JsonToStructs(
                schema,
                Scala.immutableMap(options),
                Literal.create(UTF8String.fromString(""), DataTypes.StringType),
                Scala.option("Europe/Berlin"),
                false);
        JsonReader reader = Objects.requireNonNull(JsonReader.of(expression, CORRUPT), schema::toDDL);
        StructType nullable = (StructType) expression.dataType();
        JsonToStructsEvaluator sparks = new JsonToStructsEvaluator(
                Scala.immutableMap(options), nullable, CORRUPT, Scala.option("Europe/Berlin"), false);
        UnsafeProjection bytes = UnsafeProjection.create(nullable);
        long plain = 0;
        for (int i = 0; i < TEXTS; i++) {
            UTF8String text = text(random, schema);
            String expected = told(() -> Scala.cast(sparks.evaluate(text)), bytes);
            assertThat(told(() -> reader.evaluate(text), bytes))
                    .as("seed=%d, schema=%s, options=%s, text=%s", seed, schema.toDDL(), options, text)
                    .isEqualTo(expected);
            plain += reader.readPlain(text) == JsonValue.UNSURE ? 0 : 1;
        }
        return plain;
    }

    private interface Reading {
        @Nullable
        InternalRow row();
    }

    /** The row's bytes or the error, as text. */
    private static String told(Reading reading, UnsafeProjection bytes) {
        try {
            InternalRow row = reading.row();
            UnsafeRow unsafe = row == null ? null : bytes.apply(row);
            return unsafe == null ? "null" : Arrays.toString(unsafe.getBytes());
        } catch (Exception e) {
            return e.getClass().getName() + ": " + e.getMessage();
        }
    }

    private static Map<String, String> options(Random random) {
        return switch (random.nextInt(6)) {
            case 0 -> Map.of("mode", "FAILFAST");
            case 1 -> Map.of("timestampFormat", "yyyy-MM-dd HH:mm:ss", "dateFormat", "yyyy-MM-dd");
            case 2 -> Map.of("timeZone", "America/New_York", "locale", "de-DE");
            case 3 -> Map.of("columnNameOfCorruptRecord", "b");
            default -> Map.of();
        };
    }

    private static StructType schema(Random random, int depth) {
        StructType schema = new StructType();
        List<String> names = new ArrayList<>(NAMES.subList(0, 8));
        int count = random.nextInt(6);
        for (int i = 0; i < count; i++) {
            // A column for malformed texts has to be a string.
            String name = names.remove(random.nextInt(names.size()));
            schema = schema.add(
                    name, name.equals("b") ? DataTypes.StringType : type(random, depth), random.nextBoolean());
        }
        return schema;
    }

    private static DataType type(Random random, int depth) {
        return switch (depth > 0 ? random.nextInt(8) : 7) {
            case 0 -> schema(random, depth - 1);
            case 1 -> DataTypes.createArrayType(type(random, depth - 1), random.nextBoolean());
            default -> SCALARS.get(random.nextInt(SCALARS.size()));
        };
    }

    private static UTF8String text(Random random, StructType schema) {
        StringBuilder text = new StringBuilder();
        text.append(pick(random, SPACES.subList(0, 7)));
        object(random, schema, text);
        byte[] bytes =
                text.append(random.nextInt(10) == 0 ? " more" : "").toString().getBytes(StandardCharsets.UTF_8);
        if (bytes.length > 0 && random.nextInt(8) == 0) {
            int at = random.nextInt(bytes.length);
            switch (random.nextInt(4)) {
                case 0 -> bytes[at] = (byte) random.nextInt(256);
                case 1 -> bytes = Arrays.copyOf(bytes, at);
                case 2 -> bytes[at] = (byte) "{}[],:\"\\ 0a-".charAt(random.nextInt(12));
                default -> bytes[at] = (byte) (0x80 | bytes[at]);
            }
        }
        // Somewhere in an array, as in a page.
        byte[] around = new byte[bytes.length + 7];
        System.arraycopy(bytes, 0, around, 3, bytes.length);
        return UTF8String.fromBytes(around, 3, bytes.length);
    }

    private static void object(Random random, StructType schema, StringBuilder text) {
        text.append('{');
        int count = schema.length() == 0 ? random.nextInt(3) : random.nextInt(schema.length() + 3);
        for (int i = 0; i < count; i++) {
            text.append(i == 0 ? "" : ",").append(space(random));
            boolean isKnown = schema.length() > 0 && random.nextInt(5) > 0;
            int field = isKnown ? random.nextInt(schema.length()) : -1;
            String name = isKnown ? schema.fields()[field].name() : pick(random, NAMES);
            text.append('"')
                    .append(name)
                    .append('"')
                    .append(space(random))
                    .append(':')
                    .append(space(random));
            if (isKnown && random.nextInt(12) > 0) {
                value(random, schema.fields()[field].dataType(), text);
            } else {
                text.append(pick(random, VALUES));
            }
            text.append(space(random));
        }
        text.append('}');
    }

    /** One that most likely fits. */
    private static void value(Random random, DataType type, StringBuilder text) {
        if (random.nextInt(12) == 0) {
            text.append("null");
        } else if (type instanceof StructType struct) {
            object(random, struct, text);
        } else if (type instanceof org.apache.spark.sql.types.ArrayType array) {
            text.append('[');
            int count = random.nextInt(4);
            for (int i = 0; i < count; i++) {
                text.append(i == 0 ? "" : ",");
                value(random, array.elementType(), text);
            }
            text.append(']');
        } else if (type.equals(DataTypes.StringType)) {
            text.append(pick(
                    random,
                    VALUES.stream().filter(value -> value.startsWith("\"")).toList()));
        } else if (type.equals(DataTypes.BooleanType)) {
            text.append(random.nextBoolean());
        } else if (type.equals(DataTypes.DateType)) {
            text.append("\"20%02d-%02d-%02d\""
                    .formatted(random.nextInt(99), 1 + random.nextInt(12), 1 + random.nextInt(28)));
        } else if (type.equals(DataTypes.TimestampType)) {
            text.append(
                    random.nextBoolean()
                            ? "\"2024-03-31T0%d:30:00.%03dZ\"".formatted(random.nextInt(9), random.nextInt(999))
                            : "\"2024-03-31 0%d:30:00\"".formatted(random.nextInt(9)));
        } else if (type.equals(DataTypes.DoubleType)) {
            text.append(
                    random.nextBoolean()
                            ? random.nextInt(100_000) / 100.0
                            : random.nextDouble() * Math.pow(10, random.nextInt(40) - 20));
        } else {
            text.append(random.nextInt(3) == 0 ? random.nextLong() : random.nextInt(300) - 150);
        }
    }

    private static String space(Random random) {
        return random.nextInt(60) == 0 ? pick(random, SPACES) : pick(random, SPACES.subList(0, 7));
    }

    private static <T> T pick(Random random, List<T> all) {
        return all.get(random.nextInt(all.size()));
    }
}
