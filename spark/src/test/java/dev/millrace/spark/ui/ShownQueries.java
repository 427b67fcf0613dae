package dev.millrace.spark.ui;

import dev.millrace.spark.LocalSpark;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.ForeachWriter;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.types.DataTypes;

/**
 * Queries that have something to show: one that runs well, one whose sink cannot keep up, and one that failed and went on.
 * They read Spark's rate source: its low-latency memory source walks to each row from its first, so that what it
 * feeds becomes slower the longer it runs.
 *
 * <p>Thread: one.
 */
final class ShownQueries implements AutoCloseable {
    private static final AtomicInteger FAILURES_LEFT = new AtomicInteger();
    private static final int CARDS = 500;

    private final SparkSession session;
    private final int rowsPerSecond;

    ShownQueries(SparkSession session, int rowsPerSecond) {
        this.session = session;
        this.rowsPerSecond = rowsPerSecond;
        UDF1<Long, Long> enrich = card -> {
            if (FAILURES_LEFT.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
                throw new IllegalStateException(
                        "the scoring service answered <503 Service Unavailable> for card=" + card);
            }
            return card % 7;
        };
        session.udf().register("score", enrich, DataTypes.LongType);
    }

    private Dataset<Row> payments() {
        return events(3, rowsPerSecond, "card", "paid");
    }

    private Dataset<Row> events(int partitions, int perSecond, String card, String time) {
        return session.readStream()
                .format("rate")
                .option("numPartitions", partitions)
                .option("rowsPerSecond", perSecond)
                .load()
                .selectExpr(
                        "pmod(xxhash64(value), %d) AS %s".formatted(CARDS, card),
                        "value %% %d AS amount".formatted(CARDS),
                        "timestamp AS " + time);
    }

    /** Features by card and window, of payments that follow a login. */
    StreamingQuery wellRunning(String name) throws Exception {
        Dataset<Row> paid = payments().withWatermark("paid", "2 seconds");
        Dataset<Row> loggedIn =
                events(2, Math.max(2, rowsPerSecond / 8), "login", "at").withWatermark("at", "2 seconds");
        Dataset<Row> features = paid.join(
                        loggedIn, functions.expr("card = login AND at BETWEEN paid - INTERVAL 2 SECONDS AND paid"))
                .groupBy(functions.window(functions.col("paid"), "10 seconds"), functions.col("card"))
                .agg(
                        functions.count("*").as("payments"),
                        functions.sum(paid.col("amount")).as("total"));
        return write(features.writeStream().foreach(new Taking(0)), name).start();
    }

    /** Its sink takes rows more slowly than they come. */
    StreamingQuery heldUp(String name) throws Exception {
        Dataset<Row> counts = payments()
                .withWatermark("paid", "5 seconds")
                .groupBy(functions.window(functions.col("paid"), "1 minute", "5 seconds"), functions.col("card"))
                .agg(functions.count("*").as("payments"));
        return write(counts.writeStream().foreach(new Taking(2_000_000)), name).start();
    }

    /** Fails when {@link #fail} is called, and goes on. */
    StreamingQuery failing(String name) throws Exception {
        Dataset<Row> scored = payments().selectExpr("card", "amount", "score(card) AS score");
        return write(scored.writeStream().foreach(new Taking(0)), name).start();
    }

    private static <T> DataStreamWriter<T> write(DataStreamWriter<T> writer, String name) {
        return writer.queryName(name).outputMode("update").trigger(LocalSpark.every(5_000));
    }

    /** The next row of the failing query breaks it. */
    void fail() {
        FAILURES_LEFT.set(1);
    }

    @Override
    public void close() throws Exception {
        for (StreamingQuery query : session.streams().active()) {
            query.stop();
        }
    }

    /** A sink that takes so long for each row. */
    private static final class Taking extends ForeachWriter<Row> {
        private static final long serialVersionUID = 1L;
        private final long nanos;

        Taking(long nanos) {
            this.nanos = nanos;
        }

        @Override
        public boolean open(long partitionId, long epochId) {
            return true;
        }

        @Override
        public void process(Row row) {
            if (nanos > 0) {
                LockSupport.parkNanos(nanos);
            }
        }

        @Override
        public void close(Throwable error) {}
    }
}
