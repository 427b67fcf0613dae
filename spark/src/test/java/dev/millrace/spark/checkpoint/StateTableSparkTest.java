package dev.millrace.spark.checkpoint;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.session_window;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.window;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.function.VisitProcessor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.api.java.function.MapGroupsWithStateFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.KeyValueGroupedDataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.GroupStateTimeout;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.TimeMode;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Keyed state of real queries, read as tables. */
@Timeout(180)
final class StateTableSparkTest {
    private static SparkSession session;

    @TempDir
    private Path checkpoint;

    private LowLatencyMemoryStream<Long> numbers;

    @BeforeAll
    static void start() {
        session = LocalSpark.start("local[2]", Map.of("spark.sql.session.timeZone", "UTC"));
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @BeforeEach
    void open() {
        numbers = LocalSpark.numbers(session, 1); // whose rows keep their order
    }

    private void run(Dataset<?> rows, String outputMode, long... values) throws Exception {
        StreamingQuery query = rows.writeStream()
                .format("noop")
                .outputMode(outputMode)
                .option("checkpointLocation", checkpoint.toString())
                .trigger(LocalSpark.every(500))
                .start();
        try {
            assertThat(LocalSpark.isOnMillrace(query)).isTrue();
            LocalSpark.add(numbers, values);
            query.processAllAvailable();
        } finally {
            query.stop();
        }
    }

    private Dataset<Row> state(String... options) {
        var reader = session.read().format("millrace-state");
        for (int i = 0; i < options.length; i += 2) {
            reader.option(options[i], options[i + 1]);
        }
        return reader.load(checkpoint.toString());
    }

    private Dataset<Row> metadata() {
        return session.read().format("millrace-state-metadata").load(checkpoint.toString());
    }

    private static List<String> texts(Dataset<Row> rows) {
        return rows.toJSON().collectAsList().stream().sorted().toList();
    }

    /** Rows whose value says when they are, and then which they are. */
    private Dataset<Row> events() {
        return numbers.toDF()
                .selectExpr("value % 100 as k", "timestamp_seconds(value div 100) as t", "value as v")
                .withWatermark("t", "10 seconds");
    }

    private static long event(long seconds, long key) {
        return seconds * 100 + key;
    }

    @Test
    void readsAnAggregationsBuffersInAnyEpochThatIsKept() throws Exception {
        Dataset<Row> sums = numbers.toDF()
                .selectExpr("value % 10 as k", "value as v")
                .groupBy("k")
                .agg(sum("v"), sum(expr("v + 1")), count(lit(1)));
        run(sums, "update", 1, 11, 2);
        long first = metadata().agg(expr("max(epoch)")).first().getLong(0);
        run(sums, "update", 21, 3);

        assertThat(texts(state().select("key.*", "value.*", "expires")))
                .containsExactly(
                        "{\"k\":1,\"sum\":33,\"sum2\":36,\"count\":3}",
                        "{\"k\":2,\"sum\":2,\"sum2\":3,\"count\":1}",
                        "{\"k\":3,\"sum\":3,\"sum2\":4,\"count\":1}");
        assertThat(texts(state("epoch", String.valueOf(first)).select("key.k", "value.count")))
                .containsExactly("{\"k\":1,\"count\":2}", "{\"k\":2,\"count\":1}");
        assertThat(state().select("key_group").distinct().count()).isBetween(1L, 3L);
        assertThat(state().where(col("key.k").geq(2)).count()).isEqualTo(2);
    }

    @Test
    void readsObjectsAsBytesAndWindowsWithTheirEnd() throws Exception {
        run(
                events().groupBy(window(col("t"), "10 seconds"), col("k")).agg(collect_list("v")),
                "append",
                event(100, 1),
                event(105, 1),
                event(112, 2));

        assertThat(texts(state().selectExpr("key.k", "key.window.start", "expires", "length(value.buf) > 0 as some")))
                .containsExactly(
                        "{\"k\":1,\"start\":\"1970-01-01T00:01:40.000Z\",\"expires\":\"1970-01-01T00:01:50.000Z\",\"some\":true}",
                        "{\"k\":2,\"start\":\"1970-01-01T00:01:50.000Z\",\"expires\":\"1970-01-01T00:02:00.000Z\",\"some\":true}");
    }

    @Test
    void readsSessionsOneByOne() throws Exception {
        run(
                events().groupBy(session_window(col("t"), "5 seconds"), col("k"))
                        .agg(count(lit(1))),
                "append",
                event(100, 1),
                event(103, 1),
                event(109, 1),
                event(103, 2));

        assertThat(texts(state().selectExpr("key.k", "session.start", "session.end = expires as ends", "value.count")))
                .containsExactly(
                        "{\"k\":1,\"start\":\"1970-01-01T00:01:40.000Z\",\"ends\":true,\"count\":2}",
                        "{\"k\":1,\"start\":\"1970-01-01T00:01:49.000Z\",\"ends\":true,\"count\":1}",
                        "{\"k\":2,\"start\":\"1970-01-01T00:01:43.000Z\",\"ends\":true,\"count\":1}");
    }

    @Test
    void readsBothSidesOfAJoinInTheirOrder() throws Exception {
        Dataset<Row> all = numbers.toDF();
        Dataset<Row> left = all.where("value < 1000").selectExpr("value % 10 as k", "value as l");
        Dataset<Row> right = all.where("value >= 1000").selectExpr("value % 10 as rk", "cast(value as string) as r");
        run(left.join(right, expr("k = rk")), "append", 11, 21, 1, 32, 1001, 1002);

        assertThat(texts(metadata()
                        .groupBy("state", "kind", "key_columns", "value_columns")
                        .count()
                        .drop("count")))
                .containsExactly(
                        "{\"state\":\"left\",\"kind\":\"LIST\",\"key_columns\":\"k BIGINT\",\"value_columns\":\"k BIGINT,l BIGINT\"}",
                        "{\"state\":\"right\",\"kind\":\"LIST\",\"key_columns\":\"rk BIGINT\",\"value_columns\":\"rk BIGINT,r STRING\"}");
        assertThat(texts(state("state", "right").select("key.rk", "position", "value.r")))
                .containsExactly(
                        "{\"rk\":1,\"position\":0,\"r\":\"1001\"}", "{\"rk\":2,\"position\":0,\"r\":\"1002\"}");
        Dataset<Row> lefts = state("state", "left");
        assertThat(texts(lefts.where("key.k = 1").groupBy("key.k").agg(expr("sort_array(collect_list(position))"))))
                .singleElement()
                .asString()
                .contains("[0,1,2]");
        assertThat(texts(lefts.select("value.l")))
                .containsExactly("{\"l\":11}", "{\"l\":1}", "{\"l\":21}", "{\"l\":32}");
    }

    @Test
    void readsTheKeysOfADeduplication() throws Exception {
        run(events().dropDuplicates("k", "t"), "append", event(100, 1), event(100, 1), event(107, 2));

        assertThat(state().columns()).containsExactly("key", "expires", "key_group");
        assertThat(texts(state().selectExpr("key.k", "key.t = expires as expires")))
                .containsExactly("{\"k\":1,\"expires\":true}", "{\"k\":2,\"expires\":true}");
    }

    private KeyValueGroupedDataset<Long, Row> byRemainder() {
        return numbers.toDF().groupByKey((MapFunction<Row, Long>) row -> row.getLong(0) % 4, Encoders.LONG());
    }

    @Test
    void readsStateThatUserCodeKeeps() throws Exception {
        MapGroupsWithStateFunction<Long, Row, Long, String> code = (key, rows, state) -> {
            long count = state.exists() ? state.get() : 0;
            for (; rows.hasNext(); rows.next()) {
                count++;
            }
            state.update(count);
            return key + "=" + count;
        };
        run(
                byRemainder()
                        .mapGroupsWithState(code, Encoders.LONG(), Encoders.STRING(), GroupStateTimeout.NoTimeout()),
                "update",
                1,
                5,
                2);

        assertThat(texts(state().select("key.*", "value.*")))
                .containsExactly("{\"value\":1,\"value\":2}", "{\"value\":2,\"value\":1}");
    }

    @Test
    void readsEachVariableOfAProcessorAndItsTimers() throws Exception {
        Dataset<Row> timed = numbers.toDF()
                .selectExpr("value", "timestamp_seconds(value div 1000) as t")
                .withWatermark("t", "5 seconds");
        KeyValueGroupedDataset<Long, Row> groups =
                timed.groupByKey((MapFunction<Row, Long>) row -> row.getLong(0) % 1000, Encoders.LONG());
        run(
                groups.transformWithState(
                        new VisitProcessor(VisitProcessor.Timers.EVENT_TIME, Duration.ZERO),
                        TimeMode.EventTime(),
                        OutputMode.Update(),
                        Encoders.STRING()),
                "update",
                50_001,
                51_001,
                51_001,
                52_002);

        long epoch = metadata().agg(expr("max(epoch)")).first().getLong(0);
        assertThat(texts(metadata().where("epoch = " + epoch).select("state", "kind", "map_key_columns")))
                .containsExactly(
                        "{\"state\":\"count\",\"kind\":\"VALUE\"}",
                        "{\"state\":\"counts\",\"kind\":\"MAP\",\"map_key_columns\":\"value BIGINT\"}",
                        "{\"state\":\"timers\",\"kind\":\"TIMES\"}",
                        "{\"state\":\"values\",\"kind\":\"LIST\"}");
        assertThat(texts(state("state", "count").selectExpr("key.value as k", "value.value as n")))
                .containsExactly("{\"k\":1,\"n\":3}", "{\"k\":2,\"n\":1}");
        assertThat(texts(state("state", "values").selectExpr("key.value as k", "position as at", "value.value as v")))
                .containsExactly(
                        "{\"k\":1,\"at\":0,\"v\":50001}",
                        "{\"k\":1,\"at\":1,\"v\":51001}",
                        "{\"k\":1,\"at\":2,\"v\":51001}",
                        "{\"k\":2,\"at\":0,\"v\":52002}");
        assertThat(texts(state("state", "counts").selectExpr("map_key.value as v", "value.value as n")))
                .containsExactly("{\"v\":50001,\"n\":1}", "{\"v\":51001,\"n\":2}", "{\"v\":52002,\"n\":1}");
        assertThat(texts(state("state", "timers").selectExpr("key.value as k", "time", "expires = time as due")))
                .containsExactly(
                        "{\"k\":1,\"time\":\"1970-01-01T00:01:01.000Z\",\"due\":true}",
                        "{\"k\":2,\"time\":\"1970-01-01T00:01:02.000Z\",\"due\":true}");
    }

    @Test
    void refusesByNameWhatIsNotThere() throws Exception {
        assertThatThrownBy(() -> state("epoch", "0")).hasMessageContaining("holds no epoch of Millrace");
        Dataset<Row> all = numbers.toDF();
        run(all.where("value < 10").as("l").join(all.as("r"), expr("l.value = r.value")), "append", 1);
        assertThatThrownBy(this::state)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_CHECKPOINT")
                .hasMessageContaining("[left, right]");
        assertThatThrownBy(() -> state("state", "middle")).hasMessageContaining("state=middle");
        assertThatThrownBy(() -> state("operator", "9.9", "state", "left")).hasMessageContaining("operator=9.9");
        assertThatThrownBy(() -> state("epoch", "99")).hasMessageContaining("epoch=99 is not committed");
        assertThatThrownBy(() -> session.read().format("millrace-state").load())
                .hasMessageContaining("option path is not set");
    }

    @Test
    void refusesAQueryWhoseColumnsHaveOtherTypes() throws Exception {
        run(sums("bigint"), "update", 1, 2);
        assertThatThrownBy(() -> run(sums("double"), "update", 3))
                .isInstanceOf(StreamingQueryException.class)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_CHECKPOINT")
                .hasMessageContaining("sum:bigint")
                .hasMessageContaining("sum:double");
        run(sums("bigint"), "update", 3);
        assertThat(state().count()).isEqualTo(3);
    }

    private Dataset<Row> sums(String type) {
        return numbers.toDF()
                .selectExpr("value as k", "cast(value as %s) as v".formatted(type))
                .groupBy("k")
                .agg(sum("v"));
    }
}
