package dev.millrace.spark.sink;

import static dev.millrace.spark.LocalSpark.every;
import static dev.millrace.spark.LocalSpark.isOnMillrace;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.epoch.Ballot;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.sink.SinkWriter;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.sink.RecordingCatalog.Recorded;
import dev.millrace.spark.sink.RecordingCatalog.Written;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.ForeachWriter;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.Column;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.write.Write;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What Spark promises to a connector's streaming write, and to a ForeachWriter. */
@Timeout(120)
final class StreamingWriteSparkTest {
    private static SparkSession session;

    @TempDir
    private Path checkpoint;

    private LowLatencyMemoryStream<Long> numbers;

    @BeforeAll
    static void start() {
        session = LocalSpark.start("local[2]", Map.of("spark.sql.catalog.recording", RecordingCatalog.class.getName()));
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @BeforeEach
    void open() {
        numbers = LocalSpark.numbers(session, 2);
    }

    @Test
    void createsATableAndCommitsEachEpochWithItsTasksMessagesInOrder() throws Exception {
        StreamingQuery query = numbers.toDF()
                .selectExpr("value", "value % 2 AS part")
                .writeStream()
                .format("recording")
                .partitionBy("part")
                .option("checkpointLocation", checkpoint.toString())
                .trigger(every(100))
                .toTable("recording.written");
        assertThat(isOnMillrace(query)).isTrue();
        for (int i = 0; i < 3; i++) {
            LocalSpark.add(numbers, i * 2, i * 2 + 1);
            query.processAllAvailable();
        }
        query.stop();

        Recorded table = RecordingCatalog.table("written");
        assertThat(Arrays.stream(table.columns()).map(Column::name)).containsExactly("value", "part");
        assertThat(Arrays.stream(table.partitioning()).map(Transform::toString)).containsExactly("identity(part)");
        assertThat(table.values()).containsExactlyInAnyOrder(0L, 1L, 2L, 3L, 4L, 5L);
        assertThat(table.epochs).isSorted().doesNotHaveDuplicates();
        for (int i = 0; i < table.epochs.size(); i++) {
            List<Written> messages = table.committed.get(i);
            for (int task = 0; task < messages.size(); task++) {
                assertThat(messages.get(task).task()).isEqualTo(task);
                assertThat(messages.get(task).epoch()).isEqualTo(table.epochs.get(i));
            }
        }
    }

    @Test
    void refusesATableThatDemandsOrder() {
        assertThatThrownBy(() -> numbers.toDF()
                        .writeStream()
                        .format("recording")
                        .option("checkpointLocation", checkpoint.toString())
                        .trigger(every(100))
                        .toTable("recording.sorted"))
                .isInstanceOf(MillraceException.class)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_SINK")
                .hasMessageContaining("sorted");
    }

    @Test
    void givesUpPreparedEpochsWithTheirMessages() throws Exception {
        Recorded table = new Recorded("given up", new Column[0], new Transform[0]);
        SparkSink sink = sink(table);
        sink.unfinished(0, Ballot.LOWEST).run();
        sink.open(0, 2);
        SinkWriter first = writer(sink, 0);
        SinkWriter second = writer(sink, 1);
        write(first, 1);
        sink.commit(0, sink.pack(0, Arrays.asList(prepared(sink, 0, first, 0), prepared(sink, 1, second, 0))));
        write(first, 2);
        prepared(sink, 0, first, 1);
        write(second, 3);
        prepared(sink, 1, second, 1);
        write(second, 4);
        prepared(sink, 1, second, 2);

        sink.abort(1);

        assertThat(table.values()).containsExactly(1L);
        assertThat(table.aborted)
                .containsExactly(
                        List.of(new Written(0, 1, List.of(2L)), new Written(1, 1, List.of(3L))),
                        Arrays.asList(null, new Written(1, 2, List.of(4L))));
    }

    @Test
    void givesUpAnEpochWhoseDecisionFailedOnlyWhenItIsKnownToBeUndecided() throws Exception {
        for (boolean decided : new boolean[] {true, false}) {
            Recorded table = new Recorded("in doubt", new Column[0], new Transform[0]);
            SparkSink sink = sink(table);
            sink.unfinished(0, Ballot.LOWEST).run();
            sink.open(0, 2);
            SinkWriter first = writer(sink, 0);
            write(first, 1);
            byte[] messages =
                    sink.pack(0, Arrays.asList(prepared(sink, 0, first, 0), prepared(sink, 1, writer(sink, 1), 0)));

            sink.abort(0);
            assertThat(table.aborted).isEmpty();

            if (decided) {
                sink.commit(0, messages);
                sink.unfinished(1, Ballot.LOWEST).run();
                assertThat(table.values()).containsExactly(1L);
                assertThat(table.aborted).isEmpty();
            } else {
                sink.unfinished(0, Ballot.LOWEST).run();
                assertThat(table.aborted)
                        .endsWith(List.of(new Written(0, 0, List.of(1L)), new Written(1, 0, List.of())));
            }
        }
    }

    @Test
    void asksNobodyToGiveUpWhileADecidedEpochWaitsForItsCommit() throws Exception {
        Recorded table = new Recorded("outstanding", new Column[0], new Transform[0]);
        SparkSink sink = sink(table);
        sink.unfinished(0, Ballot.LOWEST).run();
        sink.open(0, 2);
        SinkWriter first = writer(sink, 0);
        write(first, 1);
        byte[] messages =
                sink.pack(0, Arrays.asList(prepared(sink, 0, first, 0), prepared(sink, 1, writer(sink, 1), 0)));
        table.failCommits = 1;
        assertThatThrownBy(() -> sink.commit(0, messages)).isInstanceOf(MillraceException.class);

        sink.abort(1);
        assertThat(table.aborted).isEmpty();

        sink.commit(0, messages);
        assertThat(table.values()).containsExactly(1L);
        sink.abort(1);
        assertThat(table.aborted).containsExactly(List.of());
    }

    @Test
    void tellsASinkOfItsEndWhereNothingIsPrepared() throws Exception {
        Recorded table = new Recorded("ended", new Column[0], new Transform[0]);
        SparkSink sink = sink(table);
        sink.unfinished(0, Ballot.LOWEST).run();
        sink.open(0, 2);
        sink.commit(
                0,
                sink.pack(
                        0,
                        Arrays.asList(prepared(sink, 0, writer(sink, 0), 0), prepared(sink, 1, writer(sink, 1), 0))));

        sink.abort(1);

        assertThat(table.aborted).containsExactly(List.of());
    }

    private static SparkSink sink(Recorded table) {
        Write write = table.newWriteBuilder(null).build();
        return new SparkSink(table.name(), 1, StreamingWriteSparkTest.class.getClassLoader(), write::toStreaming);
    }

    private static SinkWriter writer(SparkSink sink, int taskIndex) throws Exception {
        SinkWriter writer = sink.plan().writer(taskIndex, 2);
        writer.open(0);
        return writer;
    }

    /** Has a writer prepare an epoch, and the sink hear of it. */
    private static @Nullable Object prepared(SparkSink sink, int taskIndex, SinkWriter writer, long epoch)
            throws Exception {
        Object message = writer.prepare(epoch);
        sink.prepared(epoch, taskIndex, message);
        return message;
    }

    private static void write(SinkWriter writer, long value) throws Exception {
        UnsafeRow row = new UnsafeRow(1);
        byte[] bytes = new byte[16];
        row.pointTo(bytes, bytes.length);
        row.setLong(0, value);
        Page page = new Page();
        page.append(bytes, 0, bytes.length, Page.NO_KEY_GROUP, 0);
        writer.write(new RowCursor().pointTo(page));
    }

    @Test
    void callsAForeachWriterInSparksOrder() throws Exception {
        Journal journal = new Journal("order", -1, true);
        StreamingQuery query = start(numbers.toDF(), journal);
        LocalSpark.add(numbers, 1, 2, 3);
        query.processAllAvailable();
        query.stop();

        // Of each partition and epoch: opened, its rows, closed without an error.
        Map<String, List<String>> byWriter = journal.byWriter();
        assertThat(byWriter).isNotEmpty().allSatisfy((writer, calls) -> {
            assertThat(calls.get(0)).isEqualTo("open");
            assertThat(calls.subList(1, calls.size() - 1)).allMatch(call -> call.startsWith("process"));
            assertThat(calls.get(calls.size() - 1)).isEqualTo("close null");
        });
        assertThat(byWriter.values().stream().flatMap(List::stream).filter(call -> call.startsWith("process")))
                .containsExactlyInAnyOrder("process 1", "process 2", "process 3");
    }

    @Test
    void closesAForeachWriterWithWhatItThrew() throws Exception {
        Journal journal = new Journal("throws", 2, true);
        StreamingQuery query = start(numbers.toDF(), journal);
        LocalSpark.add(numbers, 2);

        assertThatThrownBy(query::processAllAvailable)
                .isInstanceOf(StreamingQueryException.class)
                .hasStackTraceContaining("no 2");
        assertThat(journal.byWriter().values().stream().flatMap(List::stream)).contains("process 2", "close no 2");
    }

    @Test
    void givesNoRowsToAForeachWriterThatDeclinesThem() throws Exception {
        Journal journal = new Journal("declines", -1, false);
        StreamingQuery query = start(numbers.toDF(), journal);
        LocalSpark.add(numbers, 1, 2, 3);
        query.processAllAvailable();
        query.stop();

        assertThat(journal.byWriter().values().stream().flatMap(List::stream))
                .contains("open", "close null")
                .noneMatch(call -> call.startsWith("process"));
    }

    private StreamingQuery start(Dataset<Row> rows, Journal journal) throws Exception {
        return rows.writeStream()
                .foreach(journal)
                .option("checkpointLocation", checkpoint.toString())
                .trigger(every(100))
                .start();
    }

    /** Writes down what is asked of it, across the copies that tasks make of it. */
    private static final class Journal extends ForeachWriter<Row> {
        private static final long serialVersionUID = 1L;
        private static final Map<String, Map<String, List<String>>> CALLS = new ConcurrentHashMap<>();

        private final String name;
        private final long refused;
        private final boolean opens;
        private String writer = "";

        Journal(String name, long refused, boolean opens) {
            this.name = name;
            this.refused = refused;
            this.opens = opens;
            CALLS.put(name, new ConcurrentHashMap<>());
        }

        Map<String, List<String>> byWriter() {
            return CALLS.get(name);
        }

        private void note(String call) {
            byWriter()
                    .computeIfAbsent(writer, made -> new CopyOnWriteArrayList<>())
                    .add(call);
        }

        @Override
        public boolean open(long partitionId, long epochId) {
            writer = partitionId + " of " + epochId;
            note("open");
            return opens;
        }

        @Override
        public void process(Row row) {
            note("process " + row.getLong(0));
            if (row.getLong(0) == refused) {
                throw new IllegalArgumentException("no " + refused);
            }
        }

        @Override
        public void close(Throwable error) {
            note("close " + (error == null ? null : error.getMessage()));
        }
    }
}
