package dev.millrace.spark.execution;

import static dev.millrace.spark.LocalSpark.every;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.window;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.scala.Scala;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.api.java.function.MapGroupsWithStateFunction;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.ForeachWriter;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.ExpiredTimerInfo;
import org.apache.spark.sql.streaming.GroupState;
import org.apache.spark.sql.streaming.GroupStateTimeout;
import org.apache.spark.sql.streaming.ListState;
import org.apache.spark.sql.streaming.MapState;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Queries whose state is several times as large as its memory give Spark's answer, also after a restart
 * with other loops, and leave no files behind.
 */
@Timeout(180)
final class StateSpillSparkTest {
    private static final String MEMORY = "2m";
    private static final long KEYS = 2_000;
    private static final String PADDING = "-" + "p".repeat(2_000);
    private static final long FAR_IN_THE_FUTURE = 1_000_000_000;

    @TempDir
    private static Path localDirectory;

    private static SparkSession session;

    @TempDir
    private Path checkpoint;

    private LowLatencyMemoryStream<Long> numbers;
    private Taker taker;
    private boolean hasSpilled;

    @BeforeAll
    static void start() {
        session = LocalSpark.start(
                "local[2]",
                Map.of("spark.millrace.state.memory", MEMORY, "spark.local.dir", localDirectory.toString()));
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @BeforeEach
    void open() {
        numbers = LocalSpark.numbers(session, 1); // idle partitions would hold watermarks back
        taker = new Taker();
    }

    @AfterEach
    void requireNothingLeft() throws Exception {
        assertThat(hasSpilled).as("whether state has spilled").isTrue();
        try (Stream<Path> left = Files.list(localDirectory)) {
            assertThat(left.map(path -> path.getFileName().toString()).filter(name -> name.startsWith("millrace-")))
                    .isEmpty();
        }
    }

    /** Takes rows as text, across the copies that tasks make of it. */
    private static final class Taker extends ForeachWriter<Row> {
        private static final long serialVersionUID = 1L;
        private static final Queue<String> TAKEN = new ConcurrentLinkedQueue<>();

        Taker() {
            TAKEN.clear();
        }

        static void take(Row row) {
            TAKEN.add(row.mkString("="));
        }

        @Override
        public boolean open(long partitionId, long epochId) {
            return true;
        }

        @Override
        public void process(Row row) {
            take(row);
        }

        @Override
        public void close(Throwable error) {}
    }

    private static Map<String, String> lastByKey(Collection<String> rows) {
        Map<String, String> last = new HashMap<>();
        rows.forEach(row -> last.put(row.substring(0, row.indexOf('=')), row));
        return last;
    }

    private static List<String> batch(Dataset<Row> rows) {
        return rows.collectAsList().stream().map(row -> row.mkString("=")).toList();
    }

    private static Dataset<Row> numbersOf(long[]... lots) {
        List<Long> all = new ArrayList<>();
        Arrays.stream(lots).flatMapToLong(Arrays::stream).forEach(all::add);
        return session.createDataset(all, Encoders.LONG()).toDF();
    }

    /** Twice each key, in two orders, and a few keys more often. */
    private static long[] firstLot() {
        return LongStream.range(0, 2 * KEYS + 500)
                .map(i -> i < KEYS ? i : i < 2 * KEYS ? 2 * KEYS - 1 - i : i % 50)
                .toArray();
    }

    /** Every third key once more, and as many new ones. */
    private static long[] secondLot() {
        return LongStream.range(0, KEYS).map(i -> 3 * i / 2).toArray();
    }

    private DataStreamWriter<Row> writer(Dataset<Row> rows, String mode) {
        return rows.writeStream().foreach(taker).outputMode(mode);
    }

    private void run(DataStreamWriter<Row> writer, int loops, long[]... lots) throws Exception {
        session.conf().set("spark.millrace.loops", String.valueOf(loops));
        StreamingQuery query = writer.trigger(every(500))
                .option("checkpointLocation", checkpoint.toString())
                .start();
        try {
            assertThat(LocalSpark.isOnMillrace(query)).isTrue();
            for (long[] lot : lots) {
                LocalSpark.add(numbers, lot);
                query.processAllAvailable();
            }
        } finally {
            query.stop();
            session.conf().unset("spark.millrace.loops");
        }
        hasSpilled |= Arrays.stream(query.recentProgress())
                .flatMap(progress -> Arrays.stream(progress.stateOperators()))
                .anyMatch(operator -> operator.customMetrics().get("numRowsSpilled") > KEYS / 10
                        && operator.customMetrics().get("spilledBytes") > 1_000_000);
    }

    /** A long key. */
    private static Dataset<Row> keyed(Dataset<Row> values, String... more) {
        List<String> columns = new ArrayList<>(List.of("value", "concat(value, '-', repeat('k', 2000)) as k"));
        columns.addAll(List.of(more));
        return values.selectExpr(columns.toArray(String[]::new));
    }

    private void givesTheBatchAnswer(UnaryOperator<Dataset<Row>> query, String mode) throws Exception {
        run(writer(query.apply(numbers.toDF()), mode), 2, firstLot());
        run(writer(query.apply(numbers.toDF()), mode), 3, secondLot());
        assertThat(lastByKey(Taker.TAKEN)).isEqualTo(lastByKey(batch(query.apply(numbersOf(firstLot(), secondLot())))));
    }

    @Test
    void countsAndSumsByKey() throws Exception {
        givesTheBatchAnswer(
                values -> keyed(values).groupBy("k").count().selectExpr("substring_index(k, '-', 1)", "count"),
                "update");
    }

    @Test
    void keepsObjectsByKey() throws Exception {
        givesTheBatchAnswer(
                values -> keyed(values)
                        .groupBy("k")
                        .agg(expr("size(collect_list(value))"))
                        .toDF("k", "n")
                        .selectExpr("substring_index(k, '-', 1)", "n"),
                "update");
    }

    @Test
    void givesTheWholeTableAtEachBarrier() throws Exception {
        givesTheBatchAnswer(
                values -> keyed(values).groupBy("k").count().selectExpr("substring_index(k, '-', 1)", "count"),
                "complete");
    }

    @Test
    void givesOneRowPerKeyAndEpochToABatchFunction() throws Exception {
        UnaryOperator<Dataset<Row>> query =
                values -> keyed(values).groupBy("k").count().selectExpr("substring_index(k, '-', 1)", "count");
        VoidFunction2<Dataset<Row>, Long> take = (rows, epoch) -> {
            List<String> all =
                    rows.collectAsList().stream().map(row -> row.mkString("=")).toList();
            assertThat(lastByKey(all)).hasSameSizeAs(all);
            Taker.TAKEN.addAll(all);
        };
        run(query.apply(numbers.toDF()).writeStream().foreachBatch(take).outputMode("update"), 2, firstLot());
        run(query.apply(numbers.toDF()).writeStream().foreachBatch(take).outputMode("update"), 1, secondLot());

        assertThat(lastByKey(Taker.TAKEN)).isEqualTo(lastByKey(batch(query.apply(numbersOf(firstLot(), secondLot())))));
    }

    /** Windows of which hardly any closes before the restart, and all of them after it. */
    @Test
    void closesWindowsWhenTheirTimeHasCome() throws Exception {
        UnaryOperator<Dataset<Row>> query = values -> keyed(values, "timestamp_seconds(value div 100) as t")
                .withWatermark("t", "400 seconds")
                .groupBy(window(col("t"), "10 seconds"), col("k"))
                .count()
                .selectExpr("substring_index(k, '-', 1)", "count");
        long[] end = {FAR_IN_THE_FUTURE};
        run(writer(query.apply(numbers.toDF()), "append"), 2, firstLot());
        run(writer(query.apply(numbers.toDF()), "append"), 3, secondLot(), end);

        assertThat(Taker.TAKEN)
                .containsExactlyInAnyOrderElementsOf(batch(query.apply(numbersOf(firstLot(), secondLot()))));
    }

    @Test
    void dropsDuplicates() throws Exception {
        UnaryOperator<Dataset<Row>> query =
                values -> keyed(values).dropDuplicates("k").selectExpr("value");
        run(writer(query.apply(numbers.toDF()), "append"), 2, firstLot());
        run(writer(query.apply(numbers.toDF()), "append"), 1, secondLot());

        assertThat(Taker.TAKEN)
                .containsExactlyInAnyOrderElementsOf(batch(query.apply(numbersOf(firstLot(), secondLot()))));
    }

    @Test
    void joinsTwoStreams() throws Exception {
        UnaryOperator<Dataset<Row>> query = values -> {
            Dataset<Row> left = keyed(values).where("value % 3 != 0").toDF("l", "lk");
            Dataset<Row> right = keyed(values).where("value % 2 = 0").toDF("r", "rk");
            return left.join(right, expr("lk = rk and l >= 50")).selectExpr("l", "r");
        };
        run(writer(query.apply(numbers.toDF()), "append"), 2, firstLot());
        run(writer(query.apply(numbers.toDF()), "append"), 3, secondLot());

        assertThat(Taker.TAKEN)
                .containsExactlyInAnyOrderElementsOf(batch(query.apply(numbersOf(firstLot(), secondLot()))));
    }

    private static String count(Long key, Iterator<Row> rows, GroupState<String> state) {
        long count = state.exists() ? countOf(state.get()) : 0;
        while (rows.hasNext()) {
            rows.next();
            count++;
        }
        state.update(count + PADDING);
        return key + "=" + count;
    }

    private static long countOf(String padded) {
        return Long.parseLong(padded.substring(0, padded.indexOf('-')));
    }

    private static Map<Long, Long> countsOfAll() {
        return LongStream.concat(Arrays.stream(firstLot()), Arrays.stream(secondLot()))
                .boxed()
                .collect(Collectors.groupingBy(value -> value, Collectors.counting()));
    }

    @Test
    void keepsTheStateOfGroups() throws Exception {
        MapGroupsWithStateFunction<Long, Row, String, String> function = StateSpillSparkTest::count;
        UnaryOperator<Dataset<Row>> query = values -> values.groupByKey(
                        (MapFunction<Row, Long>) row -> row.getLong(0), Encoders.LONG())
                .mapGroupsWithState(function, Encoders.STRING(), Encoders.STRING(), GroupStateTimeout.NoTimeout())
                .toDF();
        run(writer(query.apply(numbers.toDF()), "update"), 2, firstLot());
        run(writer(query.apply(numbers.toDF()), "update"), 3, secondLot());

        Map<String, String> expected = new HashMap<>();
        countsOfAll().forEach((key, count) -> expected.put(key.toString(), key + "=" + count));
        assertThat(lastByKey(Taker.TAKEN)).isEqualTo(expected);
    }

    /** Keeps a value, a list and a map of long texts, and gives their sizes when a timer fires. */
    private static final class Counter extends StatefulProcessor<Long, Row, String> {
        private static final long serialVersionUID = 1L;
        private transient ValueState<String> value;
        private transient ListState<String> list;
        private transient MapState<Long, String> map;

        @Override
        public void init(OutputMode outputMode, TimeMode timeMode) {
            value = getHandle().getValueState("value", Encoders.STRING(), TTLConfig.NONE());
            list = getHandle().getListState("list", Encoders.STRING(), TTLConfig.NONE());
            map = getHandle().getMapState("map", Encoders.LONG(), Encoders.STRING(), TTLConfig.NONE());
        }

        @Override
        public scala.collection.Iterator<String> handleInputRows(
                Long key, scala.collection.Iterator<Row> rows, TimerValues times) {
            while (rows.hasNext()) {
                rows.next();
                long before = value.exists() ? countOf(value.get()) : 0;
                value.update(before + 1 + PADDING);
                list.appendValue(PADDING);
                map.updateValue(before, PADDING);
                getHandle().registerTimer((FAR_IN_THE_FUTURE / 100 - 1 - key % 3) * 1000);
            }
            return Scala.<String>seq(List.of()).iterator();
        }

        @Override
        public scala.collection.Iterator<String> handleExpiredTimer(
                Long key, TimerValues times, ExpiredTimerInfo timer) {
            long count = countOf(value.get());
            int appended = list.get().size();
            int mapped = map.keys().size();
            value.clear();
            list.clear();
            map.clear();
            return Scala.<String>seq(List.of("%d=%d %d %d".formatted(key, count, appended, mapped)))
                    .iterator();
        }
    }

    @Test
    void keepsTheVariablesAndTimersOfProcessors() throws Exception {
        UnaryOperator<Dataset<Row>> query =
                values -> values.selectExpr("value", "timestamp_seconds(value div 100) as t")
                        .withWatermark("t", "400 seconds")
                        .groupByKey((MapFunction<Row, Long>) row -> row.getLong(0), Encoders.LONG())
                        .transformWithState(new Counter(), TimeMode.EventTime(), OutputMode.Update(), Encoders.STRING())
                        .toDF();
        long[] end = {FAR_IN_THE_FUTURE + 100_000};
        run(writer(query.apply(numbers.toDF()), "update"), 2, firstLot());
        run(writer(query.apply(numbers.toDF()), "update"), 3, secondLot(), end);

        List<String> expected = new ArrayList<>();
        countsOfAll().forEach((key, count) -> expected.add("%d=%d %d %d".formatted(key, count, count, count)));
        expected.add("%d=1 1 1".formatted(end[0])); // its timer is due at once
        assertThat(Taker.TAKEN).containsExactlyInAnyOrderElementsOf(expected);
    }
}
