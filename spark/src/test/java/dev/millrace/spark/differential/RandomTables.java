package dev.millrace.spark.differential;

import java.math.BigDecimal;
import java.sql.Date;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;

/**
 * Random rows, with nulls, skewed keys and the values on which things break. Within a partition event
 * times are out of order by {@link #DISORDER_MILLIS} at most, less than any watermark's delay, so none is
 * late but those that are so by a day. Partitions may be an hour apart.
 *
 * <p>The last row of each partition is decades ahead: behind it, the watermark has passed all others. What
 * comes of it is told by {@link #CLOSING}. It passes every filter, as the first row does where others are
 * late: its watermark has to be there by then.
 */
final class RandomTables {
    /** Keys from here on pass every filter and have a row in every static table. */
    static final long PASSING_KEY = 7_770_000;

    /** Is found in the text of whatever depends on a closing row. */
    static final String CLOSING = ".*(2100-01-0|777000[0-9]).*";

    static final long START_MILLIS = 1_700_000_000_000L;

    /** The watermark that has passed every row but the closing ones. */
    static final long PASSED_MILLIS = Timestamp.valueOf("2099-01-01 00:00:00").getTime();

    private static final Timestamp CLOSING_TIME = Timestamp.valueOf("2100-01-01 12:00:00");
    private static final int DISORDER_MILLIS = 6_000;
    private static final long DAY_MILLIS = 86_400_000;
    private static final double[] ODD_FRACTIONS = {0.0, -0.0, Double.NaN, Double.POSITIVE_INFINITY, -1.5};

    private final Draw draw;
    private final Map<String, Kind> columns;
    private final StructType schema;

    RandomTables(Draw draw) {
        this.draw = draw;
        this.columns = columns(draw);
        StructType made = new StructType();
        for (Map.Entry<String, Kind> column : columns.entrySet()) {
            made = made.add(
                    column.getKey(), column.getValue().type, !column.getKey().equals("n"));
        }
        schema = made;
    }

    private static Map<String, Kind> columns(Draw draw) {
        Map<String, Kind> all = new LinkedHashMap<>();
        all.put("k", Kind.LONG);
        all.put("ts", Kind.TIME);
        all.put("v", Kind.LONG);
        all.put("n", Kind.LONG);
        Map<String, Kind> more = Map.of(
                "i",
                Kind.INT,
                "d",
                Kind.DOUBLE,
                "m",
                Kind.DECIMAL,
                "s",
                Kind.TEXT,
                "b",
                Kind.FLAG,
                "day",
                Kind.DAY,
                "xs",
                Kind.LIST);
        List<String> chosen = draw.some(more.keySet().stream().sorted().toList(), draw.below(5));
        chosen.forEach(name -> all.put(name, more.get(name)));
        Map<String, Kind> shuffled = new LinkedHashMap<>();
        draw.some(List.copyOf(all.keySet()), all.size()).forEach(name -> shuffled.put(name, all.get(name)));
        return shuffled;
    }

    Map<String, Kind> columns() {
        return columns;
    }

    /** How rows are spread, whether some are late, and whether some partitions have none at all. */
    record Shape(int source, int partitions, int rows, boolean hasLateRows, boolean hasIdle) {}

    EventTable table(Shape shape) {
        List<List<Row>> partitions = new ArrayList<>();
        int stepMillis = draw.oneOf(50, 700, 3_000);
        for (int p = 0; p < shape.partitions(); p++) {
            if (p > 0 && shape.hasIdle() && draw.onceIn(2)) {
                partitions.add(List.of());
                continue;
            }
            List<Row> rows = new ArrayList<>();
            boolean isQuiet = shape.partitions() > 1 && draw.onceIn(5);
            int count = isQuiet ? 0 : draw.below(shape.rows() + 1);
            long start = START_MILLIS + (draw.onceIn(4) ? draw.below(3_600_000) : 0);
            if (shape.hasLateRows()) {
                rows.add(passing(shape, new Timestamp(start)));
            }
            for (int n = 0; n < count; n++) {
                boolean isLate = shape.hasLateRows() && n > count / 3 && draw.onceIn(6);
                long millis = start + (long) n * stepMillis - draw.below(DISORDER_MILLIS);
                rows.add(row(n * shape.partitions() + p, new Timestamp(isLate ? millis - DAY_MILLIS : millis)));
            }
            rows.add(passing(shape, CLOSING_TIME));
            partitions.add(rows);
        }
        return new EventTable(schema, partitions);
    }

    static boolean isLate(Timestamp time) {
        return time.getTime() < START_MILLIS - DAY_MILLIS / 2;
    }

    private Row row(long n, Timestamp time) {
        long key = draw.onceIn(2) ? draw.below(2) : draw.below(14);
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("k", orNull(key));
        values.put("ts", draw.onceIn(12) ? null : time);
        values.put("v", orNull((long) draw.below(1000) - 200));
        values.put("n", n);
        values.put("i", orNull(draw.below(7) - 3));
        values.put("d", orNull(draw.onceIn(4) ? ODD_FRACTIONS[draw.below(5)] : draw.below(100) / 8.0));
        values.put("m", orNull(BigDecimal.valueOf(draw.below(100_000), 3)));
        values.put("s", orNull(draw.onceIn(9) ? "" : "text-" + draw.below(20)));
        values.put("b", orNull(draw.onceIn(2)));
        values.put("day", orNull(Date.valueOf("2024-02-2" + draw.below(10))));
        values.put("xs", orNull(numbers()));
        return row(values);
    }

    private Row passing(Shape shape, Timestamp time) {
        Map<String, Object> values = new LinkedHashMap<>(
                Map.of("k", PASSING_KEY + shape.source(), "ts", time, "v", PASSING_KEY, "n", -1L, "i", 0, "d", 0.5));
        values.putAll(Map.of(
                "m", BigDecimal.ONE, "s", "text-1", "b", true, "xs", List.of(1L), "day", Date.valueOf("2024-02-20")));
        return row(values);
    }

    private Row row(Map<String, Object> values) {
        return RowFactory.create(columns.keySet().stream().map(values::get).toArray());
    }

    private List<Long> numbers() {
        List<Long> numbers = new ArrayList<>();
        for (int i = draw.below(4); i > 0; i--) {
            numbers.add((long) draw.below(10));
        }
        return numbers;
    }

    private Object orNull(Object value) {
        return draw.onceIn(8) ? null : value;
    }
}
