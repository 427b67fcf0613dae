package dev.millrace.spark.batches;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Function;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;

/**
 * Runs a query over the batches of a {@link Script} on Spark's micro-batch engine and in bounded epochs, and
 * compares what each batch gave by its number: the same rows, order aside.
 *
 * <p>Thread: one at a time for a session, whose settings say which engine runs.
 */
public final class PerBatchComparison {
    private static final String TRIGGERS = "spark.millrace.triggers";

    private final SparkSession session;
    private final Function<List<Dataset<Row>>, Dataset<Row>> query;
    private final String outputMode;
    private int partitions = 1;

    /** Who runs the query. */
    public enum Engine {
        SPARK("realtime"),
        MILLRACE("all");

        private final String triggers;

        Engine(String triggers) {
            this.triggers = triggers;
        }
    }

    /** @param query the query over the script's sources, in their order */
    public PerBatchComparison(
            SparkSession session, String outputMode, Function<List<Dataset<Row>>, Dataset<Row>> query) {
        this.session = session;
        this.outputMode = outputMode;
        this.query = query;
    }

    /** How many partitions each batch of a source has; 1 where the order of rows matters. */
    public PerBatchComparison partitions(int count) {
        partitions = count;
        return this;
    }

    /** Runs both engines and compares. Gives what each batch gave. */
    public Map<Long, List<String>> compare(Script script) throws Exception {
        Map<Long, List<String>> expected = run(Engine.SPARK, script);
        Map<Long, List<String>> actual = run(Engine.MILLRACE, script);
        assertThat(actual).as("rows by batch").isEqualTo(expected);
        return actual;
    }

    /** What each batch gives on one engine, by its number, sorted. */
    public Map<Long, List<String>> run(Engine engine, Script script) throws Exception {
        String name = UUID.randomUUID().toString();
        ScriptedProvider.put(name, script);
        try {
            return play(engine, script, name);
        } finally {
            ScriptedProvider.remove(name);
        }
    }

    private Map<Long, List<String>> play(Engine engine, Script script, String name) throws Exception {
        Batches batches = new Batches();
        StreamingQuery running = start(engine, writer(name, script, batches));
        try {
            for (int i = 0; i < script.batches().size(); i++) {
                if (script.batches().get(i).endsTrigger()
                        || i + 1 == script.batches().size()) {
                    ScriptedProvider.publish(name, i + 1);
                    running.processAllAvailable();
                }
            }
        } finally {
            running.stop();
        }
        return batches.given();
    }

    /** The query over a script that was made known, into {@code batches}. */
    public DataStreamWriter<Row> writer(String scriptName, Script script, Batches batches) {
        List<Dataset<Row>> inputs = new ArrayList<>();
        for (int i = 0; i < script.schemas().size(); i++) {
            inputs.add(session.readStream()
                    .format(ScriptedProvider.class.getName())
                    .option("script", scriptName)
                    .option("source", i)
                    .option("partitions", partitions)
                    .load());
        }
        return query.apply(inputs).writeStream().outputMode(outputMode).foreachBatch(batches);
    }

    /** Starts a query on one engine; others of the session are not changed by it. */
    public StreamingQuery start(Engine engine, DataStreamWriter<Row> writer) throws Exception {
        return start(session, engine, writer);
    }

    /** As {@link #start(Engine, DataStreamWriter)}, for a query of any session. */
    public static StreamingQuery start(SparkSession session, Engine engine, DataStreamWriter<?> writer)
            throws Exception {
        session.conf().set(TRIGGERS, engine.triggers);
        try {
            return writer.start();
        } finally {
            session.conf().unset(TRIGGERS);
        }
    }

    /** As {@link #start}, from a checkpoint and with a trigger. */
    public StreamingQuery start(Engine engine, DataStreamWriter<Row> writer, Path checkpoint, Trigger trigger)
            throws Exception {
        return start(
                engine,
                writer.option("checkpointLocation", checkpoint.toString()).trigger(trigger));
    }

    /** What the batches gave, by their numbers. */
    public static final class Batches implements VoidFunction2<Dataset<Row>, Long> {
        private static final long serialVersionUID = 1L;

        private final transient Map<Long, List<String>> rows = new ConcurrentSkipListMap<>();

        @Override
        public void call(Dataset<Row> batch, Long number) {
            rows.put(
                    number,
                    batch.collectAsList().stream().map(Row::toString).sorted().toList());
        }

        public Map<Long, List<String>> given() {
            return new TreeMap<>(rows);
        }
    }
}
