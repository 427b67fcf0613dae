package dev.millrace.spark.function;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.function.VisitProcessor.Timers;
import dev.millrace.spark.scala.Scala;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.KeyValueGroupedDataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import scala.collection.Iterator;

/** transformWithState, beside Spark's own micro-batches. */
@Timeout(120)
final class TransformWithStateSparkTest {
    private static final long[] SHUTDOWN = {99_999_000};
    private static SparkSession session;

    @TempDir
    private Path folder;

    private LowLatencyMemoryStream<Long> numbers;

    @BeforeAll
    static void start() {
        session = LocalSpark.start(
                "local[2]",
                Map.of(
                        "spark.sql.shuffle.partitions",
                        "2",
                        "spark.sql.streaming.stateStore.providerClass",
                        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"));
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @BeforeEach
    void open() {
        numbers = LocalSpark.numbers(session, 1);
    }

    private Path at(String name) {
        return folder.resolve(name);
    }

    private Dataset<Row> values() {
        return numbers.toDF();
    }

    private static KeyValueGroupedDataset<Long, Row> byRemainder(Dataset<Row> values) {
        return values.groupByKey((MapFunction<Row, Long>) row -> row.getLong(0) % 4, Encoders.LONG());
    }

    private static Dataset<String> visits(
            KeyValueGroupedDataset<Long, Row> groups, Timers timers, Duration timeToLive, TimeMode mode) {
        return groups.transformWithState(
                new VisitProcessor(timers, timeToLive), mode, OutputMode.Update(), Encoders.STRING());
    }

    private static Map<String, String> lastByKey(List<String> rows) {
        Map<String, String> last = new TreeMap<>();
        rows.forEach(row -> last.put(row.split("=", -1)[0], row));
        return last;
    }

    private Dataset<String> plainVisits() {
        return visits(byRemainder(values()), Timers.NONE, Duration.ZERO, TimeMode.None());
    }

    @Test
    void keepsValuesListsAndMapsAsSparkDoes() throws Exception {
        long[] first = LongStream.range(0, 400).map(n -> n % 23).toArray();
        long[] second = {1, 2, 3, 3};

        List<String> ours = StreamTexts.named("visits").run(plainVisits(), "update", at("a"), numbers, first, second);
        open();
        List<String> sparks =
                StreamTexts.named("visits").runInBatches(plainVisits(), "update", at("b"), numbers, first, second);

        assertThat(lastByKey(ours)).isEqualTo(lastByKey(sparks)).hasSize(4);
    }

    @Test
    void goesOnWithItsStateAfterARestartWithMoreLoops() throws Exception {
        StreamTexts texts = StreamTexts.named("restarted visits");
        texts.run(plainVisits(), "update", at("a"), numbers, new long[] {1, 5, 5, 2});
        session.conf().set("spark.millrace.loops", "3");
        try {
            texts.run(plainVisits(), "update", at("a"), numbers, new long[] {5, 6});
        } finally {
            session.conf().unset("spark.millrace.loops");
        }
        assertThat(lastByKey(texts.taken()).values())
                .containsExactlyInAnyOrder("1=4 [1, 5, 5, 5] {1=1, 5=3}", "2=2 [2, 6] {2=1, 6=1}");
    }

    private static long event(long seconds, long key) {
        return seconds * 1000 + key;
    }

    private Dataset<String> timedVisits() {
        Dataset<Row> events = values().selectExpr("value", "timestamp_seconds(value div 1000) as t")
                .withWatermark("t", "5 seconds");
        return visits(
                events.groupByKey((MapFunction<Row, Long>) row -> row.getLong(0) % 1000, Encoders.LONG()),
                Timers.EVENT_TIME,
                Duration.ZERO,
                TimeMode.EventTime());
    }

    private static List<String> over(List<String> rows) {
        return rows.stream().filter(row -> row.contains("over")).toList();
    }

    @Test
    void firesTimersWhenTheWatermarkPassesAsSparkDoes() throws Exception {
        long[][] lots = {
            {event(100, 1), event(101, 2), event(104, 1), event(118, 3)},
            {event(90, 7), event(125, 1), event(126, 3)},
            SHUTDOWN
        };
        List<String> ours = StreamTexts.named("timers").run(timedVisits(), "update", at("a"), numbers, lots);
        open();
        List<String> sparks = StreamTexts.named("timers").runInBatches(timedVisits(), "update", at("b"), numbers, lots);

        assertThat(over(ours)).containsExactlyInAnyOrderElementsOf(over(sparks)).hasSize(3);
        assertThat(ours).noneMatch(row -> row.startsWith("7"));
    }

    @Test
    void keepsTimersOverARestart() throws Exception {
        StreamTexts texts = StreamTexts.named("restarted timers");
        texts.run(timedVisits(), "update", at("a"), numbers, new long[] {event(100, 1), event(101, 2)});
        assertThat(over(texts.taken())).isEmpty();
        texts.run(timedVisits(), "update", at("a"), numbers, SHUTDOWN);

        assertThat(over(texts.taken()))
                .containsExactlyInAnyOrder("1 over: 1 [100001] {100001=1}", "2 over: 1 [101002] {101002=1}");
    }

    @Test
    void firesTimersByTheClockThoughNoRowComes() throws Exception {
        StreamTexts texts = StreamTexts.named("clock timers");
        Dataset<String> rows =
                visits(byRemainder(values()), Timers.PROCESSING_TIME, Duration.ZERO, TimeMode.ProcessingTime());
        StreamingQuery query = texts.start(rows, "update", at("a"));
        LocalSpark.add(numbers, 5);
        texts.awaitRow("1 over: 1 [5] {5=1}");
        query.stop();
        assertThat(over(texts.taken())).hasSize(1);
    }

    @Test
    void forgetsWhatHasLivedItsTime() throws Exception {
        StreamTexts texts = StreamTexts.named("time to live");
        Dataset<String> rows =
                visits(byRemainder(values()), Timers.NONE, Duration.ofMillis(400), TimeMode.ProcessingTime());
        StreamingQuery query = texts.start(rows, "update", at("a"));
        LocalSpark.add(numbers, 1);
        texts.awaitRow("1=1 [1] {1=1}");
        query.processAllAvailable(); // from here on, progress knows of the row
        await().atMost(Duration.ofSeconds(60)).untilAsserted(() -> assertThat(
                        query.lastProgress().stateOperators()[0].numRowsTotal())
                .isZero());
        LocalSpark.add(numbers, 5);
        texts.awaitRow("1=1 [5] {5=1}");
        query.stop();
    }

    @Test
    void refusesATimeToLiveByEventTimeAsSparkDoes() {
        Dataset<String> rows = visits(byRemainder(values()), Timers.NONE, Duration.ofMillis(5), TimeMode.None());
        assertThatThrownBy(() -> StreamTexts.named("refused").run(rows, "update", at("a"), numbers, new long[] {1}))
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_USER_CODE")
                .hasMessageContaining("TTL");
    }

    private Dataset<String> visitsFrom(Dataset<Long> before) {
        KeyValueGroupedDataset<Long, Long> initial = before.groupByKey(
                        (MapFunction<Long, Long>) n -> n, Encoders.LONG())
                .mapValues((MapFunction<Long, Long>) n -> n * 100, Encoders.LONG());
        return byRemainder(values())
                .transformWithState(
                        new VisitProcessor(Timers.NONE, Duration.ZERO),
                        TimeMode.None(),
                        OutputMode.Update(),
                        initial,
                        Encoders.STRING(),
                        Encoders.LONG());
    }

    @Test
    void beginsWithTheInitialStateOnceAndNotAgain() throws Exception {
        Dataset<Long> before = session.createDataset(List.of(1L, 2L), Encoders.LONG());
        StreamTexts texts = StreamTexts.named("initial visits");
        texts.run(visitsFrom(before), "update", at("a"), numbers, new long[] {1});
        texts.run(visitsFrom(before), "update", at("a"), numbers, new long[] {1, 2});

        assertThat(lastByKey(texts.taken()).values())
                .containsExactlyInAnyOrder("1=102 [1, 1] {1=2}", "2=201 [2] {2=1}");
    }

    /** Gives the event times that it gets, the same key each time. */
    private static final class Passing extends StatefulProcessor<Long, Row, Row> {
        private static final long serialVersionUID = 1L;

        @Override
        public void init(OutputMode outputMode, TimeMode timeMode) {}

        @Override
        public Iterator<Row> handleInputRows(Long key, Iterator<Row> rows, TimerValues times) {
            return rows;
        }
    }

    @Test
    void handsItsEventTimesToAnAggregation() throws Exception {
        Dataset<Row> events = values().selectExpr("value", "timestamp_seconds(value div 1000) as t")
                .withWatermark("t", "5 seconds");
        Dataset<String> counts = events.groupByKey(
                        (MapFunction<Row, Long>) row -> row.getLong(0) % 1000, Encoders.LONG())
                .transformWithState(new Passing(), "t", OutputMode.Append(), Encoders.row(events.schema()))
                .groupBy(org.apache.spark.sql.functions.window(org.apache.spark.sql.functions.col("t"), "10 seconds"))
                .count()
                .selectExpr("concat(unix_seconds(window.start), '=', count) as text")
                .as(Encoders.STRING());
        long[][] lots = {{event(100, 1), event(101, 2)}, {event(109, 1), event(112, 1)}};
        List<String> ours = StreamTexts.named("windows").run(counts, "update", at("a"), numbers, lots);

        assertThat(lastByKey(ours).values()).containsExactlyInAnyOrder("100=3", "110=1");
    }

    /** Keeps one value under a name. */
    private static final class Single<T> extends StatefulProcessor<Long, Row, String> {
        private static final long serialVersionUID = 1L;
        private final String name;
        private final org.apache.spark.sql.Encoder<T> encoder;
        private final MapFunction<Long, T> made;
        private transient ValueState<T> value;

        Single(String name, org.apache.spark.sql.Encoder<T> encoder, MapFunction<Long, T> made) {
            this.name = name;
            this.encoder = encoder;
            this.made = made;
        }

        @Override
        public void init(OutputMode outputMode, TimeMode timeMode) {
            value = getHandle().getValueState(name, encoder, TTLConfig.NONE());
        }

        @Override
        public Iterator<String> handleInputRows(Long key, Iterator<Row> rows, TimerValues times) {
            String row = "%s=%s %s".formatted(key, name, value.get());
            while (rows.hasNext()) {
                try {
                    value.update(made.call(rows.next().getLong(0)));
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }
            return Scala.<String>seq(List.of(row)).iterator();
        }
    }

    private <T> Dataset<String> single(
            String name, org.apache.spark.sql.Encoder<T> encoder, MapFunction<Long, T> made) {
        return byRemainder(values())
                .transformWithState(
                        new Single<>(name, encoder, made), TimeMode.None(), OutputMode.Update(), Encoders.STRING());
    }

    @Test
    void takesNewVariablesAndKeepsOnesThatAreGoneButRefusesOnesThatHaveChanged() throws Exception {
        StreamTexts texts = StreamTexts.named("variables");
        texts.run(single("a", Encoders.LONG(), n -> n), "update", at("a"), numbers, new long[] {1});
        texts.run(single("b", Encoders.STRING(), n -> "b" + n), "update", at("a"), numbers, new long[] {1});
        texts.run(single("a", Encoders.LONG(), n -> n), "update", at("a"), numbers, new long[] {5});
        assertThat(texts.taken()).containsExactly("1=a null", "1=b null", "1=a 1");

        Dataset<String> other = single("a", Encoders.STRING(), n -> "a" + n);
        assertThatThrownBy(() -> texts.run(other, "update", at("a"), numbers, new long[] {1}))
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_CHECKPOINT")
                .hasMessageContaining("variable=a");
    }
}
