package dev.millrace.spark.ui;

import dev.millrace.spark.LocalSpark;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.ForeachWriter;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.types.DataTypes;

/**
 * Queries that have something to show: one that runs well, one whose sink cannot keep up, and one that failed and went on.
 *
 * <p>Thread: one, and one that feeds their sources until {@link #close}.
 */
final class ShownQueries implements AutoCloseable {
    private static final AtomicInteger FAILURES_LEFT = new AtomicInteger();
    private static final int CARDS = 500;

    private final SparkSession session;
    private final LowLatencyMemoryStream<Long> payments;
    private final LowLatencyMemoryStream<Long> logins;
    private final AtomicBoolean feeding = new AtomicBoolean(true);
    private final Thread feeder = new Thread(this::feed, "feeder");
    private final int rowsPerSecond;

    ShownQueries(SparkSession session, int rowsPerSecond) {
        this.session = session;
        this.rowsPerSecond = rowsPerSecond;
        payments = LocalSpark.numbers(session, 3);
        logins = LocalSpark.numbers(session, 2);
        UDF1<Long, Long> enrich = card -> {
            if (FAILURES_LEFT.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
                throw new IllegalStateException(
                        "the scoring service answered <503 Service Unavailable> for card=" + card);
            }
            return card % 7;
        };
        session.udf().register("score", enrich, DataTypes.LongType);
        feeder.setDaemon(true);
        feeder.start();
    }

    private Dataset<Row> events(LowLatencyMemoryStream<Long> stream, String card, String time) {
        return stream.toDF()
                .selectExpr(
                        "value %% %d AS %s".formatted(CARDS, card),
                        "value DIV %d AS amount".formatted(CARDS),
                        "current_timestamp() AS " + time);
    }

    /** Features by card and window, of payments that follow a login. */
    StreamingQuery wellRunning(String name) throws Exception {
        Dataset<Row> paid = events(payments, "card", "paid").withWatermark("paid", "2 seconds");
        Dataset<Row> loggedIn = events(logins, "login", "at").withWatermark("at", "2 seconds");
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
        Dataset<Row> counts = events(payments, "card", "paid")
                .withWatermark("paid", "5 seconds")
                .groupBy(functions.window(functions.col("paid"), "1 minute", "5 seconds"), functions.col("card"))
                .agg(functions.count("*").as("payments"));
        return write(counts.writeStream().foreach(new Taking(300_000)), name).start();
    }

    /** Fails when {@link #fail} is called, and goes on. */
    StreamingQuery failing(String name) throws Exception {
        Dataset<Row> scored = events(payments, "card", "paid").selectExpr("card", "amount", "score(card) AS score");
        return write(scored.writeStream().foreach(new Taking(0)), name).start();
    }

    private static <T> DataStreamWriter<T> write(DataStreamWriter<T> writer, String name) {
        return writer.queryName(name).outputMode("update").trigger(LocalSpark.every(5_000));
    }

    /** The next row of the failing query breaks it. */
    void fail() {
        FAILURES_LEFT.set(1);
    }

    private void feed() {
        long number = 0;
        while (feeding.get()) {
            long[] values = new long[Math.max(1, rowsPerSecond / 50)];
            for (int i = 0; i < values.length; i++) {
                values[i] = number++ * 31 + ThreadLocalRandom.current().nextLong(CARDS);
            }
            LocalSpark.add(payments, values);
            LocalSpark.add(logins, java.util.Arrays.copyOf(values, Math.max(1, values.length / 8)));
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
    }

    @Override
    public void close() throws Exception {
        feeding.set(false);
        feeder.join();
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
