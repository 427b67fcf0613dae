package dev.millrace.spark.plan;

import java.math.BigDecimal;
import java.sql.Date;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** Rows of many types, with nulls, skew, and the values on which things break. */
final class Samples {
    static final StructType SCHEMA = new StructType()
            .add("k", DataTypes.LongType)
            .add("i", DataTypes.IntegerType)
            .add("v", DataTypes.LongType)
            .add("d", DataTypes.DoubleType)
            .add("s", DataTypes.StringType)
            .add("j", DataTypes.StringType)
            .add("xs", DataTypes.createArrayType(DataTypes.LongType))
            .add("m", DataTypes.createDecimalType(30, 5))
            .add("day", DataTypes.DateType)
            .add("ts", DataTypes.TimestampType)
            .add("n", DataTypes.LongType, false);

    private static final double[] ODD_FRACTIONS = {0.0, -0.0, Double.NaN, Double.POSITIVE_INFINITY, -1.5};
    private static final long START_MILLIS = 1_700_000_000_000L;

    private Samples() {}

    static MemoryTable table(SparkSession session, int count, long seed) {
        return new MemoryTable(session, SCHEMA, rows(count, seed));
    }

    static List<Row> rows(int count, long seed) {
        Random random = new Random(seed);
        List<Row> rows = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            rows.add(row(n, random));
        }
        return rows;
    }

    /** The same rows, and in the stream one more, whose event time is days behind all others. */
    static MemoryTable closed(SparkSession session, int count, long seed) {
        Timestamp end = new Timestamp(START_MILLIS + java.util.concurrent.TimeUnit.DAYS.toMillis(3));
        // Spark filters below a watermark where it can, so this row must pass the filters of the tests.
        Row last = RowFactory.create(
                0L,
                2,
                102L,
                0.5,
                "text-1",
                "{\"a\":1,\"b\":[1,2]}",
                List.of(1L, 2L),
                BigDecimal.ONE,
                Date.valueOf("2024-02-20"),
                end,
                (long) count);
        return table(session, count, seed).closedBy(last);
    }

    private static Row row(int n, Random random) {
        // Half of all rows have one of two keys.
        long key = random.nextBoolean() ? random.nextInt(2) : random.nextInt(30);
        long millis = START_MILLIS + n * 700L - random.nextInt(5000);
        return RowFactory.create(
                orNull(random, key),
                orNull(random, random.nextInt(7) - 3),
                orNull(random, (long) random.nextInt(1000) - 200),
                orNull(random, random.nextInt(4) == 0 ? ODD_FRACTIONS[random.nextInt(5)] : random.nextInt(100) / 8.0),
                orNull(random, random.nextInt(9) == 0 ? "" : "text-" + random.nextInt(40)),
                json(n, random),
                orNull(random, numbers(random)),
                orNull(random, BigDecimal.valueOf(random.nextInt(1_000_000), 5)),
                orNull(random, Date.valueOf("2024-02-2" + random.nextInt(10))),
                new Timestamp(millis),
                (long) n);
    }

    private static Object json(int n, Random random) {
        return switch (random.nextInt(5)) {
            case 0 -> null;
            case 1 -> "{\"a\": " + n + ", broken";
            default -> "{\"a\":" + n + ",\"b\":[" + n % 3 + "," + n % 5 + "],\"c\":\"x" + n % 4 + "\"}";
        };
    }

    private static List<Long> numbers(Random random) {
        List<Long> numbers = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            numbers.add((long) random.nextInt(10));
        }
        return numbers;
    }

    private static Object orNull(Random random, Object value) {
        return random.nextInt(8) == 0 ? null : value;
    }
}
