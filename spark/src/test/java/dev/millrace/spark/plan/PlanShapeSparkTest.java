package dev.millrace.spark.plan;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.current_date;
import static org.apache.spark.sql.functions.current_timestamp;
import static org.apache.spark.sql.functions.expr;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.exchange.KeyGroupFunction;
import dev.millrace.engine.graph.Exchange;
import dev.millrace.engine.graph.StreamGraph.Stage;
import dev.millrace.engine.operator.Aggregate;
import dev.millrace.engine.operator.KeyedAggregateFactory;
import dev.millrace.engine.operator.PartialAggregate;
import dev.millrace.engine.operator.WatermarkAssignerFactory;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.plans.physical.HashPartitioning;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.exchange.ReusedExchangeExec;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.unsafe.Platform;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What stages and exchanges queries become. */
class PlanShapeSparkTest {
    private static SparkSession session;
    private static MemoryTable table;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        table = Samples.table(session, 50, 3);
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    private static PlannedQuery plan(Dataset<?> query) {
        return Queries.plan(session, query, OutputMode.Update(), table);
    }

    private static List<String> names(PlannedQuery planned) {
        return planned.graph().stages().stream().map(Stage::name).toList();
    }

    @Test
    void fusesStatelessOperatorsIntoTheReadingStage() {
        PlannedQuery planned = plan(table.asStream(0).filter("v > 1").selectExpr("k + v"));

        assertThat(names(planned)).containsExactly("read memory -> Fused[Project, Filter]", "write none");
        assertThat(planned.isStateful()).isFalse();
        assertThat(planned.streamOfStage()).isEqualTo(Map.of(0, 0));
    }

    @Test
    void doesNothingWhereNothingIsToBeDone() {
        assertThat(names(plan(table.asStream(0)))).containsExactly("read memory", "write none");
    }

    @Test
    void aggregatesOnBothSidesOfOneHashExchange() {
        PlannedQuery planned = plan(table.asStream(0).groupBy("k").agg(expr("sum(v) + 1")));

        assertThat(planned.graph().describe())
                .isEqualTo(
                        """
                stage 2: write none <- forward stage 1
                stage 1: Aggregate[keys=k, functions=sum(v)] <- hash(k) stage 0
                stage 0: read memory -> Fused[Project] -> PartialAggregate[keys=k, functions=sum(v)]
                """);
        assertThat(planned.isStateful()).isTrue();
    }

    @Test
    void aggregatesBehindTheExchangeAloneWhereBuffersAreObjects() {
        assertThat(names(plan(table.asStream(0).groupBy("k").agg(expr("sum(v)"), expr("collect_list(v)")))))
                .first()
                .asString()
                .doesNotContain("PartialAggregate");
    }

    @Test
    void aggregatesBehindTheExchangeAloneWhereOthersGetTheSameRows() {
        Dataset<Row> spread = table.asStream(0).repartition(Queries.KEY_GROUPS, col("k"));
        PlannedQuery planned = plan(spread.groupBy("k").count().select("k").unionAll(spread.select("k")));

        long exchanged = Plans.operators(planned).stream()
                .filter(PartialAggregate.Factory.class::isInstance)
                .count();
        boolean isShared = planned.physicalPlan().exists(node -> node instanceof ReusedExchangeExec);
        assertThat(exchanged).isEqualTo(isShared ? 0 : 1);
    }

    @Test
    void aggregatesAllRowsInOneTask() {
        Stage aggregation =
                plan(table.asStream(0).agg(expr("sum(v)"))).graph().stages().get(1);

        assertThat(aggregation.inputs().get(0).exchange()).isInstanceOf(Exchange.Single.class);
    }

    @Test
    void exchangesRightBelowTheAggregationEvenWhereTheRowsAreSpreadAlready() {
        PlannedQuery planned = plan(table.asStream(0)
                .repartition(Queries.KEY_GROUPS, col("k"))
                .groupBy("k")
                .count());

        for (Stage stage : planned.graph().stages()) {
            if (Plans.operators(stage).stream().anyMatch(KeyedAggregateFactory.class::isInstance)) {
                assertThat(Plans.operators(stage).get(0)).isInstanceOf(KeyedAggregateFactory.class);
                assertThat(stage.inputs().get(0).exchange()).isInstanceOf(Exchange.Hash.class);
            }
        }
    }

    @Test
    void makesUnionsInputsOfOneStage() {
        MemoryTable other = Samples.table(session, 50, 4);
        PlannedQuery planned = Queries.plan(
                session,
                table.asStream(0)
                        .select("n")
                        .union(other.asStream(1).filter("v > 2").select("n")),
                OutputMode.Update(),
                table,
                other);

        assertThat(planned.graph().stages()).hasSize(3);
        assertThat(planned.graph().stages().get(2).inputs()).hasSize(2);
        assertThat(planned.streamOfStage()).isEqualTo(Map.of(0, 0, 1, 1));
    }

    @Test
    void readsASourceOnceThatIsUsedTwice() throws Exception {
        Dataset<Row> stream = table.asStream(0);
        Dataset<Row> query = stream.filter("v > 2")
                .select("n")
                .union(stream.filter("v < 500").selectExpr("-n"));
        PlannedQuery planned = plan(query);
        Dataset<Row> batch = table.asTable();

        assertThat(planned.streamOfStage()).hasSize(1);
        assertThat(Queries.run(session, query, Queries.treatments(1).get("full pages"), table))
                .containsExactlyInAnyOrderElementsOf(Queries.batch(batch.filter("v > 2")
                        .select("n")
                        .union(batch.filter("v < 500").selectExpr("-n"))));
    }

    @Test
    void aggregatesAUnionOfOneSourceWithItself() {
        Queries.checkAggregation(session, table, 1, 8, t -> t.select("k", "v")
                .union(t.selectExpr("k", "v + 1"))
                .groupBy("k")
                .agg(expr("sum(v)"), expr("count(1)")));
    }

    @Test
    void pullsWhatCannotBeDrivenRowByRow() {
        PlannedQuery planned = plan(table.asStream(0)
                .filter("v > 1")
                .select("n")
                .as(Encoders.LONG())
                .flatMap((FlatMapFunction<Long, Long>) n -> List.of(n).iterator(), Encoders.LONG())
                .filter("value > 3"));

        assertThat(names(planned).get(0)).contains("Fused[Project, Filter]");
        assertThat(names(planned).get(1)).startsWith("Pulled[").contains("MapPartitions");
    }

    @Test
    void marksTheWatermarkAndDropsKeysByTheEndOfTheirWindow() {
        PlannedQuery planned = plan(table.asStream(0)
                .withWatermark("ts", "3 seconds")
                .groupBy(expr("window(ts, '10 seconds') as w"), col("k"))
                .count());
        WatermarkAssignerFactory watermark = only(planned, WatermarkAssignerFactory.class);
        assertThat(watermark.delayMicros()).isEqualTo(3_000_000);
        Aggregate aggregate =
                only(planned, KeyedAggregateFactory.class).aggregates().get();
        assertThat(expiries(aggregate, planned)).allMatch(micros -> micros % 10_000_000 == 0);
    }

    @Test
    void readsEventTimesInWholeMilliseconds() {
        PlannedQuery planned = plan(table.asStream(0).withWatermark("ts", "3 seconds"));
        byte[] row = table.bytes().get(0);

        assertThat(only(planned, WatermarkAssignerFactory.class)
                        .extractors()
                        .get()
                        .eventTimeMicros(row, 0, row.length))
                .isEqualTo(table.asTable().orderBy("n").head().getTimestamp(9).getTime() * 1000);
    }

    @Test
    void keepsKeysForEverWithoutAWatermark() {
        PlannedQuery planned =
                plan(table.asStream(0).groupBy(expr("window(ts, '10 seconds')")).count());

        assertThat(expiries(
                        only(planned, KeyedAggregateFactory.class).aggregates().get(), planned))
                .containsOnly(Long.MAX_VALUE);
    }

    @Test
    void dropsKeysThatAreEventTimes() {
        PlannedQuery planned = plan(table.asStream(0)
                .withWatermark("ts", "1 minute")
                .groupBy("k", "ts")
                .count());

        assertThat(expiries(
                        only(planned, KeyedAggregateFactory.class).aggregates().get(), planned))
                .allMatch(micros -> micros < Long.MAX_VALUE);
    }

    /** What keys made of the aggregation's own input would expire at. */
    private static List<Long> expiries(Aggregate aggregate, PlannedQuery planned) {
        KeyedAggregateExec node = Scala.cast(planned.physicalPlan()
                .find(part -> part instanceof KeyedAggregateExec)
                .get());
        List<Attribute> input = Scala.list(node.children().head().output());
        return table.bytes().stream()
                .map(bytes -> {
                    UnsafeRow row = new UnsafeRow(Samples.SCHEMA.length());
                    row.pointTo(bytes, Platform.BYTE_ARRAY_OFFSET, bytes.length);
                    return projected(row, input);
                })
                .map(view -> aggregate.expiryMicros(aggregate.key(view)))
                .toList();
    }

    /** A row of the aggregation's input: a window or a column of the table for each field. */
    private static RowView projected(UnsafeRow row, List<Attribute> input) {
        Object[] values = new Object[input.size()];
        for (int i = 0; i < values.length; i++) {
            Attribute attribute = input.get(i);
            long micros = row.getLong(9);
            values[i] = switch (attribute.name()) {
                case "w", "window" -> window(micros);
                case "ts" -> micros;
                default -> row.isNullAt(0) ? null : row.getLong(0);
            };
        }
        UnsafeProjection projection = UnsafeProjection.create(
                input.stream().map(Attribute::dataType).toArray(org.apache.spark.sql.types.DataType[]::new));
        byte[] bytes = projection
                .apply(new org.apache.spark.sql.catalyst.expressions.GenericInternalRow(values))
                .getBytes();
        return new RowView().pointTo(bytes, 0, bytes.length);
    }

    private static Object window(long micros) {
        long start = Math.floorDiv(micros, 10_000_000L) * 10_000_000L;
        return new org.apache.spark.sql.catalyst.expressions.GenericInternalRow(
                new Object[] {start, start + 10_000_000L});
    }

    private static <T> T only(PlannedQuery planned, Class<T> kind) {
        List<T> found = Plans.operators(planned).stream()
                .filter(kind::isInstance)
                .map(kind::cast)
                .toList();
        assertThat(found).hasSize(1);
        return found.get(0);
    }

    @Test
    void findsTheKeyGroupThatSparkWouldFind() {
        List<Attribute> columns = Scala.list(Queries.analyzed(table.asStream(0)).output());
        for (int[] keys : new int[][] {{0}, {1}, {2}, {3}, {4}, {6}, {7}, {8}, {9}, {0, 4}, {9, 0, 1}}) {
            List<Expression> by = java.util.Arrays.stream(keys)
                    .mapToObj(key -> (Expression) columns.get(key))
                    .toList();
            KeyGroupFunction function = new HashKeyGroups(by, columns, 7).get();
            UnsafeProjection spark = UnsafeProjection.create(
                    Scala.<Expression>seq(new HashPartitioning(Scala.seq(by), 7).partitionIdExpression()),
                    Scala.seq(columns));
            for (byte[] bytes : table.bytes()) {
                UnsafeRow row = new UnsafeRow(columns.size());
                row.pointTo(bytes, Platform.BYTE_ARRAY_OFFSET, bytes.length);
                assertThat(function.keyGroup(bytes, 0, bytes.length))
                        .isEqualTo(spark.apply(row).getInt(0));
            }
        }
    }

    @Test
    void letsThePresentTimeMove() throws Exception {
        session.conf().set("spark.sql.session.timeZone", "Asia/Tokyo");
        try {
            Dataset<Row> query = table.asStream(0)
                    .select(
                            current_timestamp().as("a"),
                            current_timestamp().as("b"),
                            current_date(),
                            expr("localtimestamp()"),
                            expr("now() > ts"));
            PlannedQuery planned = plan(query);
            assertThat(planned.physicalPlan().toString()).contains("timestampMicros");
            List<String> early =
                    Queries.run(session, query, Queries.treatments(1).get("full pages"), table);
            List<String> late =
                    Queries.run(session, query, Queries.treatments(1).get("full pages"), table);
            assertThat(early.get(0)).isNotEqualTo(late.get(0));
            String[] fields = early.get(0).replaceAll("[\\[\\]]", "").split(", ", -1);
            assertThat(fields[0]).isEqualTo(fields[1]);
            assertThat(fields[3]).startsWith(fields[2] + "T");
            assertThat(fields[4]).isEqualTo("true");
        } finally {
            session.conf().unset("spark.sql.session.timeZone");
        }
    }

    @Test
    void computesStaticSidesOnceAndWithoutALimitToTheirSize() {
        session.conf().set("spark.sql.autoBroadcastJoinThreshold", "1");
        try {
            PlannedQuery planned =
                    plan(table.asStream(0).join(session.range(5000).toDF("id"), expr("k = id")));
            assertThat(planned.physicalPlan().toString()).contains("BroadcastHashJoin");
            assertThat(planned.graph().stages()).hasSize(2);
        } finally {
            session.conf().unset("spark.sql.autoBroadcastJoinThreshold");
        }
    }

    @Test
    void explainsTheDataflowAndThePlans() {
        PlannedQuery planned = plan(table.asStream(0).groupBy("k").count());

        assertThat(planned.explain(false)).contains("== Dataflow ==").doesNotContain("Physical Plan");
        assertThat(planned.explain(true))
                .contains("== Optimized Logical Plan ==")
                .contains("== Physical Plan ==")
                .contains("MillraceAggregate");
    }
}
