package dev.millrace.spark.function;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.spark.LocalSpark;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.apache.spark.api.java.function.FlatMapGroupsWithStateFunction;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.api.java.function.MapGroupsWithStateFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.KeyValueGroupedDataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.GroupState;
import org.apache.spark.sql.streaming.GroupStateTimeout;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** mapGroupsWithState and flatMapGroupsWithState, beside Spark's own micro-batches. */
@Timeout(120)
final class GroupStateSparkTest {
    private static final long[] SHUTDOWN = {99_999_000};
    private static SparkSession session;

    @TempDir
    private Path folder;

    private LowLatencyMemoryStream<Long> numbers;

    @BeforeAll
    static void start() {
        session = LocalSpark.start("local[2]", Map.of("spark.sql.shuffle.partitions", "2"));
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @BeforeEach
    void open() {
        numbers = LocalSpark.numbers(session, 1);
    }

    private Dataset<Long> values() {
        return numbers.toDF().as(Encoders.LONG());
    }

    /** Keys 0, 1, 2 and null. */
    private static KeyValueGroupedDataset<Long, Long> byRemainder(Dataset<Long> values) {
        return values.groupByKey((MapFunction<Long, Long>) n -> n % 4 == 3 ? null : n % 4, Encoders.LONG());
    }

    private static String count(Long key, Iterator<Long> values, GroupState<Long> state) {
        long count = state.exists() ? state.get() : 0;
        while (values.hasNext()) {
            values.next();
            count++;
        }
        state.update(count);
        return key + "=" + count;
    }

    private Dataset<String> counts() {
        MapGroupsWithStateFunction<Long, Long, Long, String> function = GroupStateSparkTest::count;
        return byRemainder(values())
                .mapGroupsWithState(function, Encoders.LONG(), Encoders.STRING(), GroupStateTimeout.NoTimeout());
    }

    private static Map<String, String> lastByKey(List<String> rows) {
        Map<String, String> last = new TreeMap<>();
        rows.forEach(row -> last.put(row.split("=", -1)[0], row));
        return last;
    }

    @Test
    void countsAsSparkDoesAlsoUnderANullKey() throws Exception {
        long[] first = LongStream.range(0, 5_000).toArray();
        long[] second = {1, 2, 3, 3};

        List<String> ours = StreamTexts.named("counts").run(counts(), "update", at("a"), numbers, first, second);
        open();
        List<String> sparks =
                StreamTexts.named("counts").runInBatches(counts(), "update", at("b"), numbers, first, second);

        assertThat(lastByKey(ours)).isEqualTo(lastByKey(sparks)).hasSize(4).containsEntry("null", "null=1252");
    }

    private Path at(String name) {
        return folder.resolve(name);
    }

    @Test
    void goesOnWithItsStateAfterARestartWithMoreLoops() throws Exception {
        StreamTexts texts = StreamTexts.named("restarted counts");
        texts.run(counts(), "update", at("a"), numbers, new long[] {0, 1, 1, 3});
        session.conf().set("spark.millrace.loops", "3");
        try {
            texts.run(counts(), "update", at("a"), numbers, new long[] {1, 2, 3});
        } finally {
            session.conf().unset("spark.millrace.loops");
        }

        assertThat(lastByKey(texts.taken()).values()).containsExactlyInAnyOrder("0=1", "1=3", "2=1", "null=2");
    }

    /** Counts a key's rows until it is 10 seconds of event time without any, and then says so. */
    private static Iterator<String> session(Row key, Iterator<Row> rows, GroupState<long[]> state) {
        if (state.hasTimedOut()) {
            long[] ended = state.get();
            state.remove();
            return List.of("%s: %d rows until %d".formatted(key.get(0), ended[0], ended[1]))
                    .iterator();
        }
        long[] now = state.exists() ? state.get() : new long[2];
        while (rows.hasNext()) {
            now[0]++;
            now[1] = Math.max(now[1], rows.next().getTimestamp(0).getTime() / 1000);
        }
        state.update(now);
        state.setTimeoutTimestamp(Math.max(now[1] * 1000, state.getCurrentWatermarkMs()) + 10_000);
        return Collections.emptyIterator();
    }

    /** A value is a time in seconds times 1000, and a key. */
    private Dataset<String> sessions() {
        FlatMapGroupsWithStateFunction<Row, Row, long[], String> function = GroupStateSparkTest::session;
        Dataset<Row> events = numbers.toDF()
                .selectExpr("timestamp_seconds(value div 1000) as t", "value % 1000 as k")
                .withWatermark("t", "5 seconds");
        return events.groupByKey(
                        (MapFunction<Row, Row>) row -> org.apache.spark.sql.RowFactory.create(row.getLong(1)),
                        Encoders.row(org.apache.spark.sql.types.StructType.fromDDL("k BIGINT")))
                .flatMapGroupsWithState(
                        function,
                        OutputMode.Append(),
                        Encoders.kryo(long[].class),
                        Encoders.STRING(),
                        GroupStateTimeout.EventTimeTimeout());
    }

    private static long event(long seconds, long key) {
        return seconds * 1000 + key;
    }

    @Test
    void endsSessionsWhenTheWatermarkPassesAsSparkDoes() throws Exception {
        long[][] lots = {
            {event(100, 1), event(101, 2), event(104, 1)},
            {event(112, 2), event(118, 3)},
            {event(90, 7), event(125, 1), event(126, 3)},
            SHUTDOWN
        };
        List<String> ours = StreamTexts.named("sessions").run(sessions(), "append", at("a"), numbers, lots);
        open();
        List<String> sparks = StreamTexts.named("sessions").runInBatches(sessions(), "append", at("b"), numbers, lots);

        assertThat(ours).containsExactlyInAnyOrderElementsOf(sparks).contains("1: 3 rows until 125");
        assertThat(ours).noneMatch(row -> row.startsWith("7:"));
    }

    @Test
    void keepsTimeOutsOverARestart() throws Exception {
        StreamTexts texts = StreamTexts.named("restarted sessions");
        texts.run(sessions(), "append", at("a"), numbers, new long[] {event(100, 1), event(101, 2)});
        assertThat(texts.taken()).isEmpty();
        texts.run(sessions(), "append", at("a"), numbers, SHUTDOWN);

        assertThat(texts.taken()).containsExactlyInAnyOrder("1: 1 rows until 100", "2: 1 rows until 101");
    }

    private static Iterator<String> waiting(Long key, Iterator<Long> values, GroupState<Long> state) {
        if (state.hasTimedOut()) {
            String row = "%d timed out after %d".formatted(key, state.get());
            state.remove();
            return List.of(row).iterator();
        }
        state.update(state.exists() ? state.get() + 1 : 1L);
        state.setTimeoutDuration(key == 7 ? "300 milliseconds" : "2 seconds");
        return List.of(key + " waits").iterator();
    }

    private Dataset<String> waiting() {
        FlatMapGroupsWithStateFunction<Long, Long, Long, String> function = GroupStateSparkTest::waiting;
        return values().groupByKey((MapFunction<Long, Long>) n -> n, Encoders.LONG())
                .flatMapGroupsWithState(
                        function,
                        OutputMode.Update(),
                        Encoders.LONG(),
                        Encoders.STRING(),
                        GroupStateTimeout.ProcessingTimeTimeout());
    }

    @Test
    void timesOutByTheClockThoughNoRowComes() throws Exception {
        StreamTexts texts = StreamTexts.named("waiting");
        StreamingQuery query = texts.start(waiting(), "update", at("a"));
        LocalSpark.add(numbers, 7);
        texts.awaitRow("7 timed out after 1");
        query.processAllAvailable();
        query.stop();

        // The query may end before a time-out does, and begin after it.
        query = texts.start(waiting(), "update", at("a"));
        LocalSpark.add(numbers, 8);
        texts.awaitRow("8 waits");
        query.processAllAvailable();
        query.stop();
        query = texts.start(waiting(), "update", at("a"));
        texts.awaitRow("8 timed out after 1");
        query.stop();

        assertThat(texts.taken()).containsExactly("7 waits", "7 timed out after 1", "8 waits", "8 timed out after 1");
    }

    private Dataset<String> countsFrom(Dataset<Long> before) {
        MapGroupsWithStateFunction<Long, Long, Long, String> function = GroupStateSparkTest::count;
        KeyValueGroupedDataset<Long, Long> initial = before.groupByKey(
                        (MapFunction<Long, Long>) n -> n, Encoders.LONG())
                .mapValues((MapFunction<Long, Long>) n -> n * 100, Encoders.LONG());
        return byRemainder(values())
                .mapGroupsWithState(
                        function, Encoders.LONG(), Encoders.STRING(), GroupStateTimeout.NoTimeout(), initial);
    }

    @Test
    void beginsWithTheInitialStateOnceAndNotAgain() throws Exception {
        Dataset<Long> before = session.createDataset(List.of(1L, 2L, 9L), Encoders.LONG());
        long[] lot = {1, 1, 4};
        StreamTexts texts = StreamTexts.named("initial");
        List<String> ours = texts.run(countsFrom(before), "update", at("a"), numbers, lot);
        texts.run(countsFrom(before), "update", at("a"), numbers, new long[] {1, 2});
        assertThat(lastByKey(texts.taken())).containsEntry("1", "1=103").containsEntry("2", "2=201");
        assertThat(texts.taken()).containsOnlyOnce("9=900");

        open();
        List<String> sparks =
                StreamTexts.named("initial, Spark's").runInBatches(countsFrom(before), "update", at("b"), numbers, lot);
        assertThat(lastByKey(ours)).isEqualTo(lastByKey(sparks)).containsEntry("9", "9=900");
    }

    @Test
    void callsForNoKeyOfTheInitialStateWhereSparkIsToldNotTo() throws Exception {
        String key = "spark.sql.streaming.flatMapGroupsWithState.skipEmittingInitialStateKeys";
        session.conf().set(key, "true");
        try {
            Dataset<Long> before = session.createDataset(List.of(1L, 2L), Encoders.LONG());
            List<String> rows =
                    StreamTexts.named("skips").run(countsFrom(before), "update", at("a"), numbers, new long[] {1});
            assertThat(rows).containsExactly("1=101");
        } finally {
            session.conf().unset(key);
        }
    }

    @Test
    void refusesTwoInitialStatesOfOneKey() throws Exception {
        Dataset<Long> before = session.createDataset(List.of(1L, 1L), Encoders.LONG());
        assertThatThrownBy(() ->
                        StreamTexts.named("twice").run(countsFrom(before), "update", at("a"), numbers, new long[] {1}))
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("multiple rows(state) with the same key");
    }

    @Test
    void givesMoreRowsThanChannelsHold() throws Exception {
        FlatMapGroupsWithStateFunction<Long, Long, Long, String> function = (key, values, state) -> {
            long n = values.next();
            state.update(n);
            return LongStream.range(0, n).mapToObj(i -> key + ":" + i).iterator();
        };
        Dataset<String> many = values().groupByKey((MapFunction<Long, Long>) n -> n, Encoders.LONG())
                .flatMapGroupsWithState(
                        function,
                        OutputMode.Append(),
                        Encoders.LONG(),
                        Encoders.STRING(),
                        GroupStateTimeout.NoTimeout());
        List<String> rows =
                StreamTexts.named("many").run(many, "append", at("a"), numbers, new long[] {40_000, 30_000});

        List<String> expected = new ArrayList<>();
        for (long n : new long[] {40_000, 30_000}) {
            LongStream.range(0, n).forEach(i -> expected.add(n + ":" + i));
        }
        Collections.sort(expected);
        Collections.sort(rows);
        assertThat(rows).isEqualTo(expected);
    }

    @Test
    void standsBetweenOtherTypedOperators() throws Exception {
        MapGroupsWithStateFunction<Long, Long, Long, String> function = GroupStateSparkTest::count;
        Dataset<String> rows = byRemainder(values().map((MapFunction<Long, Long>) n -> n + 1, Encoders.LONG()))
                .mapGroupsWithState(function, Encoders.LONG(), Encoders.STRING(), GroupStateTimeout.NoTimeout())
                .map((MapFunction<String, String>) text -> "<" + text + ">", Encoders.STRING())
                .filter((org.apache.spark.api.java.function.FilterFunction<String>) text -> !text.contains("null"));

        assertThat(StreamTexts.named("typed").run(rows, "update", at("a"), numbers, new long[] {0, 1, 2}))
                .containsExactlyInAnyOrder("<1=1>", "<2=1>");
    }

    @Test
    void saysWhichFunctionThrewForWhichKey() {
        FlatMapGroupsWithStateFunction<Long, Long, Long, String> function = (key, values, state) -> {
            throw new IllegalStateException("no more " + values.next());
        };
        Dataset<String> failing = values().groupByKey((MapFunction<Long, Long>) n -> n * 2, Encoders.LONG())
                .flatMapGroupsWithState(
                        function,
                        OutputMode.Append(),
                        Encoders.LONG(),
                        Encoders.STRING(),
                        GroupStateTimeout.NoTimeout());

        assertThatThrownBy(() -> StreamTexts.named("failing").run(failing, "append", at("a"), numbers, new long[] {21}))
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_USER_CODE")
                .hasMessageContaining("flatMapGroupsWithState")
                .hasMessageContaining("key=42")
                .hasMessageContaining("no more 21");
    }

    @Test
    void refusesACheckpointOfAnotherState() throws Exception {
        StreamTexts.named("first").run(counts(), "update", at("a"), numbers, new long[] {1});
        FlatMapGroupsWithStateFunction<Long, Long, String, String> function =
                (key, values, state) -> Collections.emptyIterator();
        Dataset<String> other = byRemainder(values())
                .flatMapGroupsWithState(
                        function,
                        OutputMode.Update(),
                        Encoders.STRING(),
                        Encoders.STRING(),
                        GroupStateTimeout.NoTimeout());

        assertThatThrownBy(() -> StreamTexts.named("other").run(other, "update", at("a"), numbers, new long[] {1}))
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_CHECKPOINT")
                .hasMessageContaining("mapGroupsWithState");
    }
}
