package dev.millrace.spark.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.sql.Date;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.OutputMode;

/**
 * Joins of {@link Samples}, whose last row moves the watermark past all others, beside Spark's batch
 * answer.
 */
final class Joins {
    /** The least delay of a watermark by which no sample is late. */
    static final String DELAY = "6 seconds";

    private static final long CLOSING = 777_777_000;
    private static final String CLOSING_TEXT = "777777";
    private static final long CLOSING_MILLIS = 1_900_000_000_000L;
    private static final long PASSED_MICROS = TimeUnit.MILLISECONDS.toMicros(1_800_000_000_000L);

    private Joins() {}

    /** Samples, and a last row that passes all filters and matches no sample of another such table. */
    static MemoryTable table(SparkSession session, int count, long seed) {
        List<Row> rows = new ArrayList<>(Samples.rows(count, seed));
        long key = CLOSING + seed;
        rows.add(RowFactory.create(
                key,
                (int) key,
                key,
                (double) key,
                "closing 1 " + key,
                null,
                List.of(key),
                BigDecimal.valueOf(key),
                Date.valueOf("2060-01-01"),
                new Timestamp(CLOSING_MILLIS),
                CLOSING));
        return new MemoryTable(session, Samples.SCHEMA, rows);
    }

    /** A query over streams or tables. */
    @FunctionalInterface
    interface Query extends Function<List<Dataset<Row>>, Dataset<Row>> {}

    /** All rows, in any order. Those of closing rows do not count: they wait for ever. */
    static void check(SparkSession session, OutputMode mode, Query query, MemoryTable... tables) throws Exception {
        assertThat(withoutClosing(run(session, mode, query, tables)))
                .containsExactlyInAnyOrderElementsOf(withoutClosing(batch(query, tables)));
    }

    static List<String> batch(Query query, MemoryTable... tables) {
        List<Dataset<Row>> batch = new ArrayList<>();
        for (MemoryTable table : tables) {
            batch.add(table.asTable());
        }
        return Queries.batch(query.apply(batch));
    }

    static List<String> run(SparkSession session, OutputMode mode, Query query, MemoryTable... tables)
            throws Exception {
        List<Dataset<Row>> streams = new ArrayList<>();
        List<Integer> rowCounts = new ArrayList<>();
        for (int i = 0; i < tables.length; i++) {
            streams.add(tables[i].asStream(i));
            rowCounts.add(tables[i].bytes().size());
        }
        Dataset<Row> stream = query.apply(streams);
        PlannedQuery planned = Queries.plan(session, stream, mode, tables);
        boolean hasWatermark = planned.graph().describe().contains("Watermark[");
        return Queries.texts(
                DataflowRunner.run(session, planned, rowCounts, hasWatermark ? PASSED_MICROS : Long.MIN_VALUE),
                stream.schema());
    }

    static List<String> withoutClosing(List<String> rows) {
        return rows.stream().filter(row -> !row.contains(CLOSING_TEXT)).toList();
    }
}
