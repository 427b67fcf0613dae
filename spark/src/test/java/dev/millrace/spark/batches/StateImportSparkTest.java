package dev.millrace.spark.batches;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.window;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.LocalSpark.Collector;
import dev.millrace.spark.batches.BatchesProvider.Batches;
import dev.millrace.spark.batches.BoundedEpochsSparkTest.Case;
import dev.millrace.spark.batches.PerBatchComparison.Engine;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider;
import org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.Trigger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Queries that begin on stock Spark and go on with their state on Millrace. */
@Timeout(180)
final class StateImportSparkTest {
    private static final String IMPORT = "spark.millrace.checkpoint.import";
    private static final String ENCODING = "spark.sql.streaming.stateStore.encodingFormat";
    private static final String NO_DATA_BATCHES = "spark.sql.streaming.noDataMicroBatches.enabled";
    private static final String STATE_STORE = "spark.sql.streaming.stateStore.providerClass";

    private static final String ROCKS = RocksDBStateStoreProvider.class.getName();

    private static final Set<String> TAKEN = Set.of(
            "windows",
            "session windows",
            "collected lists",
            "first rows of keys and times",
            "first rows within the watermark",
            "distinct",
            "windows of windows",
            "user code",
            "user code with time-outs",
            "right join",
            "semi join",
            "windows over a left join");

    /** How many rows of the script come before Millrace takes over. */
    private static final int ROWS_BEFORE = 17;

    private static final Case LIMIT =
            BoundedEpochsSparkTest.one("limit", "append", rows -> rows.limit(ROWS_BEFORE + 2));

    /** Formats that are not Spark's default, or are another's. */
    private enum Format {
        AGGREGATION_1("windows", "spark.sql.streaming.aggregation.stateFormatVersion", "1"),
        TIME_OUTS_1("user code with time-outs", "spark.sql.streaming.flatMapGroupsWithState.stateFormatVersion", "1"),
        JOIN_3("right join", "spark.sql.streaming.join.stateFormatVersion", "3");

        private final String caseName;
        private final String setting;
        private final String value;

        Format(String caseName, String setting, String value) {
            this.caseName = caseName;
            this.setting = setting;
            this.value = value;
        }
    }

    private static SparkSession session;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        session = PerBatchComparison.startSession(Map.of());
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @AfterEach
    void unset() {
        session.conf().unset(IMPORT);
        session.conf().unset(STATE_STORE);
    }

    static Stream<Case> cases() {
        return Stream.concat(
                Stream.of(LIMIT),
                BoundedEpochsSparkTest.cases()
                        .filter(one -> TAKEN.contains(one.name()) && !one.mode().equals("complete")));
    }

    private static Case named(String name) {
        return BoundedEpochsSparkTest.cases()
                .filter(one -> one.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** What each batch of a case gives on one engine after Spark has run the first half of them. */
    private final class GoingOn implements AutoCloseable {
        private final Case one;
        private final String name = UUID.randomUUID().toString();
        private final Path begun = folder.resolve("begun");
        private final int half;

        GoingOn(Case one) throws Exception {
            this.one = one;
            half = (one.script().rests().size() + 1) / 2;
            ScriptedProvider.put(name, one.script());
            Map<Long, List<String>> unused = play(
                    one,
                    Engine.SPARK_IN_PARTS,
                    name,
                    begun,
                    one.script().rests().subList(0, half));
        }

        Map<Long, List<String>> on(Engine engine) throws Exception {
            return on(engine, one);
        }

        /** Goes on with another query than that which began. */
        Map<Long, List<String>> on(Engine engine, Case next) throws Exception {
            Path checkpoint = folder.resolve(engine.name());
            FileUtils.copyDirectory(begun.toFile(), checkpoint.toFile());
            List<Integer> rests = one.script().rests();
            return play(next, engine, name, checkpoint, rests.subList(half, rests.size()));
        }

        @Override
        public void close() {
            ScriptedProvider.remove(name);
        }
    }

    private static Map<Long, List<String>> play(
            Case one, Engine engine, String name, Path checkpoint, List<Integer> rests) throws Exception {
        PerBatchComparison query = new PerBatchComparison(session, one.mode(), one.query());
        Batches batches = new Batches();
        ScriptedProvider.publish(name, rests.get(0));
        StreamingQuery running =
                query.start(engine, query.writer(name, one.script(), batches), checkpoint, Trigger.ProcessingTime(0));
        try {
            assertThat(LocalSpark.isOnMillrace(running)).isEqualTo(engine == Engine.MILLRACE);
            for (int there : rests) {
                ScriptedProvider.publish(name, there);
                running.processAllAvailable();
            }
        } finally {
            running.stop();
        }
        return batches.given();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void givesWhatSparkWouldHaveGivenNext(Case one) throws Exception {
        boolean onRocks = one.name().length() % 2 == 0; // each provider has its share of the cases
        session.conf().set(STATE_STORE, onRocks ? ROCKS : HDFSBackedStateStoreProvider.class.getName());
        try (GoingOn begun = new GoingOn(one)) {
            Map<Long, List<String>> expected = begun.on(Engine.SPARK_IN_PARTS);
            session.conf().set(IMPORT, "true");

            assertThat(begun.on(Engine.MILLRACE)).isEqualTo(expected).isNotEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(Format.class)
    void givesTheSameFromSparksOtherFormats(Format format) throws Exception {
        session.conf().set(STATE_STORE, ROCKS);
        session.conf().set(format.setting, format.value);
        try {
            givesWhatSparkWouldHaveGivenNext(named(format.caseName));
        } finally {
            session.conf().unset(format.setting);
        }
    }

    @Test
    void goesOnWithAProcessorsVariablesAndItsTimers() throws Exception {
        session.conf().set(STATE_STORE, ROCKS);
        Case one = BoundedEpochsSparkTest.one("kept", "append", rows -> Visits.kept(rows, TimeMode.EventTime(), 100));
        try (GoingOn begun = new GoingOn(one)) {
            Map<Long, List<String>> expected = begun.on(Engine.SPARK_IN_PARTS);
            session.conf().set(IMPORT, "true");

            assertThat(begun.on(Engine.MILLRACE)).isEqualTo(expected);
            assertThat(expected.values()).asString().contains("timer of");
        }
    }

    /** Spark would make batches without rows all the time, and never come to rest. */
    @Test
    void goesOnWithAProcessorsTimesToLive() throws Exception {
        session.conf().set(STATE_STORE, ROCKS);
        session.conf().set(ENCODING, "avro");
        session.conf().set(NO_DATA_BATCHES, "false");
        Case one = BoundedEpochsSparkTest.one(
                "kept", "append", rows -> Visits.kept(rows, TimeMode.ProcessingTime(), ROWS_BEFORE));
        try (GoingOn begun = new GoingOn(one)) {
            Map<Long, List<String>> expected = begun.on(Engine.SPARK_IN_PARTS);
            session.conf().set(IMPORT, "true");

            assertThat(begun.on(Engine.MILLRACE)).isEqualTo(expected);
            assertThat(expected.values())
                    .asString()
                    .contains("a: count=", "brief=null")
                    .doesNotContain("brief=1");
        } finally {
            session.conf().unset(ENCODING);
            session.conf().unset(NO_DATA_BATCHES);
        }
    }

    /** Starts of windows of ten seconds and how many numbers, in tenths of a second, are in them. */
    private static Dataset<Row> counted(LowLatencyMemoryStream<Long> numbers) {
        return numbers.toDF()
                .selectExpr("timestamp_millis(value * 100) as t")
                .withWatermark("t", "10 seconds")
                .groupBy(window(col("t"), "10 seconds"))
                .agg(count(lit(1)).as("n"))
                .selectExpr("unix_seconds(window.start) * 100 + n");
    }

    private void runCounts(
            LowLatencyMemoryStream<Long> numbers,
            Collector collector,
            Trigger trigger,
            boolean onMillrace,
            long[]... lots)
            throws Exception {
        StreamingQuery query = counted(numbers)
                .writeStream()
                .foreach(collector)
                .outputMode("append")
                .option("checkpointLocation", folder.toString())
                .trigger(trigger)
                .start();
        try {
            assertThat(LocalSpark.isOnMillrace(query)).isEqualTo(onMillrace);
            for (long[] lot : lots) {
                LocalSpark.add(numbers, lot);
                query.processAllAvailable();
            }
        } finally {
            query.stop();
        }
    }

    @Test
    void goesOnInRealTimeWithTheStateAndTheWatermarkThatItHad() throws Exception {
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        Collector collector = new Collector("state import");
        Trigger batches = Trigger.ProcessingTime(0);
        runCounts(numbers, collector, batches, false, new long[] {1000, 1050}, new long[] {1250});
        assertThat(collector.taken()).containsExactly(100_02L);

        Trigger realTime = LocalSpark.every(300);
        assertThatThrownBy(() -> runCounts(numbers, collector, realTime, true))
                .hasMessageContaining("MILLRACE_UNSUPPORTED_CHECKPOINT")
                .hasMessageContaining(IMPORT + "=true");
        session.conf().set(IMPORT, "true");
        // The first comes too late: its window was given on Spark.
        runCounts(numbers, collector, realTime, true, new long[] {1010, 1260}, new long[] {1500, 1501});
        session.conf().unset(IMPORT);
        runCounts(numbers, collector, realTime, true, new long[] {1800, 1801});

        assertThat(collector.taken()).containsExactly(100_02L, 120_02L, 150_02L);
    }

    @Test
    void refusesByNameTheStateOfAnotherQuery() throws Exception {
        session.conf().set(IMPORT, "true");

        try (GoingOn begun = new GoingOn(named("windows"))) {
            assertThatThrownBy(() -> begun.on(Engine.MILLRACE, named("user code")))
                    .isInstanceOf(StreamingQueryException.class)
                    .hasMessageContaining("MILLRACE_UNSUPPORTED_CHECKPOINT")
                    .hasMessageContaining("stateStoreSave, cannot become that of mapGroupsWithState");
        }
    }
}
