package dev.millrace.spark.execution;

import static dev.millrace.spark.LocalSpark.every;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import dev.millrace.spark.outside.Traps;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Rows that come too late are in the place that the settings name, each once. A row is its event time in seconds. */
@Timeout(120)
final class LateRowsSparkTest {
    private static final String FORMAT = "spark.millrace.late.format";
    private static final String PATH = "spark.millrace.late.option.path";
    private static SparkSession session;

    @TempDir
    private Path folder;

    private LowLatencyMemoryStream<Long> numbers;
    private Collector collector;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        session.udf()
                .register(
                        "trapped",
                        (Long value) -> {
                            if (value == 4) {
                                Traps.pass("four");
                            }
                            return value;
                        },
                        DataTypes.LongType);
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @BeforeEach
    void open() {
        numbers = LocalSpark.numbers(session, 1);
        collector = new Collector("late rows");
        session.conf().set(FORMAT, "parquet");
        session.conf().set(PATH, folder.resolve("late").toString());
    }

    @AfterEach
    void unset() {
        Traps.disarmAll();
        session.conf().unset(FORMAT);
        session.conf().unset(PATH);
    }

    static Stream<Arguments> operators() {
        return Stream.of(
                operator("Aggregate", rows -> rows.groupBy(expr("window(ts, '10 seconds')"), col("value"))
                        .count()
                        .select("count")),
                operator("SessionAggregate", rows -> rows.groupBy(expr("session_window(ts, '2 seconds')"), col("value"))
                        .count()
                        .select("count")),
                operator("Deduplicate", rows -> rows.dropDuplicates("value", "ts")
                        .select("value")),
                operator("Join", rows -> rows.as("l")
                        .join(rows.as("r"), expr("l.value = r.value and l.ts = r.ts"))
                        .select("l.value")));
    }

    private static Arguments operator(String name, UnaryOperator<Dataset<Row>> query) {
        return Arguments.of(name, query);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("operators")
    void tellOfTheOperatorThatDroppedThem(String name, UnaryOperator<Dataset<Row>> operator) throws Exception {
        StreamingQuery query = start(operator.apply(timed()));
        add(query, 100);
        add(query, 3, 200);
        query.stop();

        List<Row> late = late().collectAsList();
        assertThat(late).hasSize("Join".equals(name) ? 2 : 1).allSatisfy(row -> {
            assertThat(row.<String>getAs("operator")).contains(name);
            assertThat(row.getTimestamp(row.fieldIndex("watermark")).getTime()).isEqualTo(95_000);
            assertThat(row.getTimestamp(row.fieldIndex("event_time")).getTime()).isBetween(3_000L, 10_000L);
            assertThat(row.<String>getAs("row")).contains("\"value\":3");
        });
        assertThat(dropped(query)).isEqualTo(late.size());
        assertThat(Arrays.stream(query.recentProgress())
                        .mapToLong(progress -> progress.sink().numOutputRows())
                        .sum())
                .isEqualTo(collector.taken().size());
    }

    @Test
    void areThereOnceAfterFailuresAndRestarts() throws Exception {
        Dataset<Row> counts = timed().withColumn("value", expr("trapped(value)"))
                .groupBy(expr("window(ts, '10 seconds')"))
                .agg(expr("sum(value) as sum"))
                .select("sum");
        StreamingQuery query = start(counts);
        add(query, 100);
        add(query, 1, 2);
        AtomicInteger left = Traps.armTimes("four", 1);
        LocalSpark.add(numbers, 3, 101);
        add(query, 4);
        assertThat(left).hasValue(0);
        query.stop();
        query = start(counts);
        add(query, 5);
        query.stop();

        assertThat(late().count()).isEqualTo(5);
    }

    @Test
    void areManyMoreThanAPageHolds() throws Exception {
        StreamingQuery query = start(timed().groupBy(expr("window(ts, '10 seconds')"), col("value"))
                .count()
                .select("count"));
        add(query, 1_000_000);
        long[] values = new long[5_000];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        add(query, values);
        query.stop();

        assertThat(late().count()).isEqualTo(values.length);
        assertThat(late().select("row").distinct().count()).isEqualTo(values.length);
    }

    @Test
    void cannotGoWhereNothingIsWritten() {
        session.conf().set(FORMAT, "rate");
        assertThatThrownBy(() -> start(timed().dropDuplicates("ts").select("value")))
                .hasMessageContaining("rate");
    }

    private Dataset<Row> timed() {
        return numbers.toDF()
                .selectExpr("value", "timestamp_seconds(value) as ts")
                .withWatermark("ts", "5 seconds");
    }

    private Dataset<Row> late() {
        return session.read().parquet(folder.resolve("late").toString());
    }

    private void add(StreamingQuery query, long... values) {
        LocalSpark.add(numbers, values);
        query.processAllAvailable();
    }

    private static long dropped(StreamingQuery query) {
        return Arrays.stream(query.recentProgress())
                .flatMap(progress -> Arrays.stream(progress.stateOperators()))
                .mapToLong(operator -> operator.numRowsDroppedByWatermark())
                .sum();
    }

    private StreamingQuery start(Dataset<Row> rows) throws Exception {
        StreamingQuery query = rows.writeStream()
                .foreach(collector)
                .outputMode("append")
                .option("checkpointLocation", folder.resolve("query").toString())
                .trigger(every(200))
                .start();
        assertThat(LocalSpark.isOnMillrace(query)).isTrue();
        return query;
    }
}
