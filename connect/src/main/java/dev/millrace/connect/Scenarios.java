package dev.millrace.connect;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat_ws;
import static org.apache.spark.sql.functions.udf;
import static org.apache.spark.sql.functions.window;

import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeoutException;
import org.apache.spark.SparkThrowable;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.api.java.function.MapGroupsWithStateFunction;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.GroupState;
import org.apache.spark.sql.streaming.GroupStateTimeout;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.Trigger;
import org.apache.spark.sql.types.DataTypes;
import org.jspecify.annotations.Nullable;
import scala.Option;

/**
 * What a program on a Connect client does with queries. Where rows must come within an epoch, the epoch is an hour long.
 *
 * <p>Thread: the main thread.
 */
final class Scenarios {
    private static final String HOUR = "1 hour";
    private static final int LOOK_MILLIS = 50;
    private static final int WANTED_LINES = 10;

    private final SparkSession spark;
    private final Events events;
    private final Path folder;

    Scenarios(SparkSession spark, Events events, Path folder) {
        this.spark = spark;
        this.events = events;
        this.folder = folder;
    }

    /** A windowed count, which Spark's own real-time mode refuses, over a user's function. */
    void realTime() throws Exception {
        UserDefinedFunction group = udf((UDF1<Long, String>) value -> "group" + value % 5, DataTypes.StringType);
        Dataset<String> counts = numbers(spark)
                .withWatermark("timestamp", "1 minute")
                .groupBy(
                        window(col("timestamp"), "1 second"),
                        group.apply(col("value")).as("group"))
                .count()
                .select(concat_ws("\t", col("group"), col("count")))
                .as(Encoders.STRING());
        Path file = folder.resolve("counts");
        StreamingQuery query =
                write(counts, "realTime", HOUR).foreach(new LineWriter(file)).start();
        tell("realTime", "heard of before start returned", events.knowsStartOf(query.runId()));
        awaitLines(query, file);
        tell("realTime", "line", Files.readAllLines(file).get(0));
        var progress = events.awaitProgress(
                        query.runId(), event -> event.progress().numInputRows() > 0)
                .progress();
        tell("realTime", "epoch of the progress", progress.batchId());
        tell("realTime", "name of the progress", progress.name());
        tell("realTime", "state operators", progress.stateOperators().length);
        tell("realTime", "source", progress.sources()[0].description());
        tell("realTime", "latest progress", query.lastProgress().batchId());
        tell("realTime", "active", query.isActive());
        tell("realTime", "status", query.status().message());
        tell("realTime", "ended by itself", query.awaitTermination(1));
        tell("realTime", "among the session's", spark.streams().active().length);
        tell("realTime", "found by its id", spark.streams().get(query.id()).name());
        query.explain(true);
        query.stop();
        tell("realTime", "ended", query.awaitTermination(1));
        tell("realTime", "active behind its end", query.isActive());
        tell("realTime", "error heard", textOf(events.awaitEnd(query.runId()).exception()));
    }

    /** What {@code foreachBatch} gets is a DataFrame of each epoch. */
    void batches() throws Exception {
        Path file = folder.resolve("batches");
        String name = file.toString();
        StreamingQuery query = write(texts(spark), "batches", "200 milliseconds")
                .foreachBatch((VoidFunction2<Dataset<String>, Long>) (rows, epoch) -> {
                    for (String row : rows.collectAsList()) {
                        LineWriter.append(Path.of(name), row);
                    }
                })
                .start();
        awaitLines(query, file);
        query.stop();
        List<String> lines = Files.readAllLines(file);
        tell("batches", "rows", lines.size());
        tell("batches", "different rows", lines.stream().distinct().count());
    }

    /** User code over keyed state. */
    void keyedState() throws Exception {
        Dataset<String> sums = texts(spark)
                .groupByKey((MapFunction<String, Integer>) text -> Integer.parseInt(text) % 3, Encoders.INT())
                .mapGroupsWithState(new Sums(), Encoders.LONG(), Encoders.STRING(), GroupStateTimeout.NoTimeout());
        Path file = folder.resolve("sums");
        StreamingQuery query =
                write(sums, "keyedState", HOUR).foreach(new LineWriter(file)).start();
        awaitLines(query, file);
        query.stop();
        tell("keyedState", "lines", String.join(",", Files.readAllLines(file)));
    }

    /** A function that throws ends its query, and the client hears why. */
    void failingFunction() throws Exception {
        UserDefinedFunction failing = udf(
                (UDF1<Long, String>) value -> {
                    if (value == 3) {
                        throw new IllegalStateException("no threes, please");
                    }
                    return Long.toString(value);
                },
                DataTypes.StringType);
        Dataset<String> rows =
                numbers(spark).select(failing.apply(col("value"))).as(Encoders.STRING());
        StreamingQuery query = write(rows, "failingFunction", HOUR)
                .foreach(new LineWriter(folder.resolve("failing")))
                .start();
        try {
            query.awaitTermination();
            tell("failingFunction", "thrown", "nothing");
        } catch (StreamingQueryException e) {
            tellError("failingFunction", e);
        }
        tell(
                "failingFunction",
                "exception of the query",
                query.exception().get().getCondition());
        var end = events.awaitEnd(query.runId());
        tell("failingFunction", "error heard", end.exception().get().contains("no threes, please"));
        tell("failingFunction", "class heard", textOf(end.errorClassOnException()));
    }

    /** A query that cannot run is refused before it starts. */
    void refusal() throws Exception {
        try {
            StreamingQuery query = write(texts(spark), "refusal", "1 millisecond")
                    .foreach(new LineWriter(folder.resolve("refused")))
                    .start();
            query.stop();
            tell("refusal", "thrown", "nothing");
        } catch (Exception e) {
            // What Spark throws is no checked exception in Scala, and not declared.
            tellError("refusal", e);
        }
    }

    /** The queries of a session that its client closes end with it; their checkpoints are free then. */
    void endOfSession(SparkSession other) throws Exception {
        Path file = folder.resolve("session");
        StreamingQuery query = write(texts(other), "session", HOUR)
                .foreach(new LineWriter(file))
                .start();
        awaitLines(query, file);
        tell("session", "seen by the other session", spark.streams().active().length);
        other.close();
    }

    private static Dataset<Row> numbers(SparkSession spark) {
        return spark.readStream().format("rate").option("rowsPerSecond", 50).load();
    }

    private static Dataset<String> texts(SparkSession spark) {
        return numbers(spark).select(col("value").cast("string")).as(Encoders.STRING());
    }

    private DataStreamWriter<String> write(Dataset<String> rows, String name, String interval) {
        return rows.writeStream()
                .queryName(name)
                .outputMode("update")
                .option(
                        "checkpointLocation",
                        folder.resolve("checkpoint-" + name).toString())
                .trigger(Trigger.RealTime(interval));
    }

    /** Waits until the query has written some lines; throws what it ended with, if it did. */
    private static void awaitLines(StreamingQuery query, Path file)
            throws IOException, StreamingQueryException, TimeoutException {
        while (!Files.exists(file) || Files.readAllLines(file).size() < WANTED_LINES) {
            if (query.awaitTermination(LOOK_MILLIS)) {
                throw new IllegalStateException("the query ended by itself");
            }
        }
    }

    /** What is in it, or "none"; what is empty on the server comes from there as the word null. */
    private static String textOf(Option<String> text) {
        String known = String.valueOf(text.getOrElse(() -> "none"));
        return known.equals("null") ? "none" : known;
    }

    private static void tellError(String scenario, Exception error) {
        tell(scenario, "thrown", error.getClass().getName());
        int depth = 0;
        for (@Nullable Throwable each = error; each != null && depth < 5; each = each.getCause(), depth++) {
            String condition = each instanceof SparkThrowable known ? String.valueOf(known.getCondition()) : "none";
            tell(scenario, "condition " + depth, condition);
            tell(scenario, "message " + depth, String.valueOf(each.getMessage()));
        }
    }

    private static void tell(String scenario, String fact, Object value) {
        System.out.printf("%s\t%s\t%s%n", scenario, fact, String.valueOf(value).replace('\n', ' '));
    }

    /** Adds up the numbers of a key. */
    private static final class Sums implements MapGroupsWithStateFunction<Integer, String, Long, String>, Serializable {
        private static final long serialVersionUID = 1L;

        @Override
        public String call(Integer key, Iterator<String> numbers, GroupState<Long> state) {
            long sum = state.exists() ? state.get() : 0;
            while (numbers.hasNext()) {
                sum += Long.parseLong(numbers.next());
            }
            state.update(sum);
            return key + "=" + sum;
        }
    }
}
