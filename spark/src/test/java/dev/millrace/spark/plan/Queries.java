package dev.millrace.spark.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.Event;
import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.sink.PlannedSink;
import dev.millrace.engine.sink.SinkWriter;
import dev.millrace.engine.source.Source;
import dev.millrace.spark.RowTexts;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.thread.SparkTaskScopes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Function;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.CatalystTypeConverters$;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.Platform;

/** Plans and runs queries over memory tables, and asks Spark for the same. */
final class Queries {
    static final int KEY_GROUPS = 5;

    private Queries() {}

    /** A sink that is never written to. */
    private record NoSink() implements PlannedSink {
        @Override
        public String name() {
            return "none";
        }

        @Override
        public SinkWriter writer(int taskIndex, int taskCount) {
            throw new AssertionError("nothing is written");
        }
    }

    static LogicalPlan analyzed(Dataset<?> query) {
        return ((org.apache.spark.sql.classic.Dataset<?>) query)
                .queryExecution()
                .analyzed();
    }

    static PlannedQuery plan(SparkSession session, Dataset<?> query, OutputMode mode, MemoryTable... tables) {
        List<SparkDataStream> streams = new ArrayList<>();
        for (MemoryTable ignored : tables) {
            streams.add(new UnusedStream());
        }
        return QueryPlanner.plan(new PlanRequest(
                session,
                analyzed(query),
                streams,
                List.<Source>of(tables),
                new NoSink(),
                null,
                mode,
                KEY_GROUPS,
                new PlanSettings(Emission.PER_PAGE, Long.MAX_VALUE, false),
                true));
    }

    private record UnusedStream() implements SparkDataStream {
        @Override
        public org.apache.spark.sql.connector.read.streaming.Offset initialOffset() {
            throw new AssertionError();
        }

        @Override
        public org.apache.spark.sql.connector.read.streaming.Offset deserializeOffset(String json) {
            throw new AssertionError();
        }

        @Override
        public void commit(org.apache.spark.sql.connector.read.streaming.Offset end) {}

        @Override
        public void stop() {}
    }

    /** Runs a query in update mode and gives its rows as text, in the order in which they came. */
    static List<String> run(
            SparkSession session, Dataset<?> query, GraphRunner.Treatment treatment, MemoryTable... tables) {
        return texts(GraphRunner.rows(run(session, query, OutputMode.Update(), treatment, tables)), query.schema());
    }

    /** Runs a query under a treatment and gives what reaches its sink. */
    static List<Event> run(
            SparkSession session,
            Dataset<?> query,
            OutputMode mode,
            GraphRunner.Treatment treatment,
            MemoryTable... tables) {
        PlannedQuery planned = plan(session, query, mode, tables);
        List<Event> events = new ArrayList<>();
        new SparkTaskScopes(
                        session.sessionState().conf(), Thread.currentThread().getContextClassLoader(), new Properties())
                .create("test", 0, 1)
                .run(() -> {
                    try {
                        events.addAll(new GraphRunner(planned.graph(), List.of(tables), KEY_GROUPS, treatment).run());
                    } catch (Exception failure) {
                        throw Scala.sneaky(failure);
                    }
                });
        return events;
    }

    static List<String> texts(List<byte[]> rows, StructType schema) {
        var converter = CatalystTypeConverters$.MODULE$.createToScalaConverter(schema);
        List<String> texts = new ArrayList<>();
        for (byte[] bytes : rows) {
            UnsafeRow row = new UnsafeRow(schema.length());
            row.pointTo(bytes, Platform.BYTE_ARRAY_OFFSET, bytes.length);
            texts.add(RowTexts.text((Row) converter.apply(row)));
        }
        return texts;
    }

    static List<String> batch(Dataset<?> query) {
        return RowTexts.texts(query.toDF().collectAsList());
    }

    /** The treatments that every query goes through. */
    static Map<String, GraphRunner.Treatment> treatments(long seed) {
        Map<String, GraphRunner.Treatment> treatments = new LinkedHashMap<>();
        treatments.put("full pages", (harness, events) -> harness.run(events));
        treatments.put("row by row", (harness, events) -> harness.runRowByRow(events));
        treatments.put("adversity, seed=" + seed, (harness, events) -> harness.runAdversely(events, seed));
        return treatments;
    }

    /** Checks that a stateless query gives what Spark gives, where asked for also in its order. */
    static void checkStateless(
            SparkSession session, MemoryTable table, boolean isOrdered, Function<Dataset<Row>, Dataset<?>> query) {
        List<String> expected = batch(query.apply(table.asTable()));
        treatments(42).forEach((name, treatment) -> {
            List<String> actual = run(session, query.apply(table.asStream(0)), treatment, table);
            if (isOrdered) {
                assertThat(actual).as(name).containsExactlyElementsOf(expected);
            } else {
                assertThat(actual).as(name).containsExactlyInAnyOrderElementsOf(expected);
            }
        });
    }

    /**
     * Checks that the last row for each key is what Spark gives.
     *
     * @param keyCount the leading columns that are the key
     */
    static void checkAggregation(
            SparkSession session,
            MemoryTable table,
            int keyCount,
            long seed,
            Function<Dataset<Row>, Dataset<?>> query) {
        Dataset<?> batch = query.apply(table.asTable());
        Map<String, String> expected = RowTexts.lastByKey(batch(batch), keyCount);
        treatments(seed).forEach((name, treatment) -> assertThat(
                        RowTexts.lastByKey(run(session, query.apply(table.asStream(0)), treatment, table), keyCount))
                .as(name)
                .containsExactlyInAnyOrderEntriesOf(expected));
    }

    /** Checks that a query in append mode gives exactly the rows that Spark gives, late or not. */
    static void checkAppend(
            SparkSession session, MemoryTable table, long seed, Function<Dataset<Row>, Dataset<?>> query) {
        List<String> expected = batch(query.apply(table.asTable()));
        treatments(seed).forEach((name, treatment) -> {
            Dataset<?> streaming = query.apply(table.asStream(0));
            List<Event> events = run(session, streaming, OutputMode.Append(), treatment, table);
            assertThat(texts(GraphRunner.rows(events), streaming.schema()))
                    .as(name)
                    .containsExactlyInAnyOrderElementsOf(expected);
        });
    }

    /**
     * Checks that the last table of a query in complete mode is Spark's, where asked for also in its order.
     * Not under adversity, whose barriers would cut tables in two.
     */
    static void checkComplete(
            SparkSession session, MemoryTable table, boolean isOrdered, Function<Dataset<Row>, Dataset<?>> query) {
        List<String> expected = batch(query.apply(table.asTable()));
        Map<String, GraphRunner.Treatment> treatments = treatments(0);
        treatments.keySet().removeIf(name -> name.startsWith("adversity"));
        treatments.forEach((name, treatment) -> {
            Dataset<?> streaming = query.apply(table.asStream(0));
            List<Event> events = run(session, streaming, OutputMode.Complete(), treatment, table);
            List<String> last = texts(GraphRunner.rowsOfLastEpoch(events), streaming.schema());
            if (isOrdered) {
                assertThat(last).as(name).containsExactlyElementsOf(expected);
            } else {
                assertThat(last).as(name).containsExactlyInAnyOrderElementsOf(expected);
            }
        });
    }
}
