package dev.millrace.spark.differential;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapGroupsWithStateFunction;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.api.java.function.MapGroupsWithStateFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoder;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.KeyValueGroupedDataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.streaming.GroupState;
import org.apache.spark.sql.streaming.GroupStateTimeout;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.TimeMode;
import scala.Tuple2;

/**
 * User code over keyed state whose answer depends neither on the order of rows nor on how they are cut
 * into calls. It takes rows of {@code k} and {@code v}, and where time counts {@code ts}.
 */
final class KeyedCode {
    static final Encoder<Tuple2<Long, Long>> PAIRS = Encoders.tuple(Encoders.LONG(), Encoders.LONG());
    static final long REMAINDERS = 7;
    private static final long BUCKET_MILLIS = 10_000;

    private KeyedCode() {}

    static KeyValueGroupedDataset<Long, Tuple2<Long, Long>> grouped(Dataset<Row> rows) {
        return rows.selectExpr("coalesce(k, -5L) as _1", "coalesce(v, 3L) as _2")
                .as(PAIRS)
                .groupByKey((MapFunction<Tuple2<Long, Long>, Long>) Tuple2::_1, Encoders.LONG());
    }

    /** Each remainder of each key once, when it comes first. */
    static Dataset<Row> remainders(Dataset<Row> rows) {
        FlatMapGroupsWithStateFunction<Long, Tuple2<Long, Long>, Long, Tuple2<Long, Long>> function =
                KeyedCode::newRemainders;
        return grouped(rows)
                .flatMapGroupsWithState(
                        function, OutputMode.Append(), Encoders.LONG(), PAIRS, GroupStateTimeout.NoTimeout())
                .toDF("k", "remainder");
    }

    static Iterator<Tuple2<Long, Long>> newRemainders(
            Long key, Iterator<Tuple2<Long, Long>> values, GroupState<Long> state) {
        long seen = state.exists() ? state.get() : 0;
        List<Tuple2<Long, Long>> found = new ArrayList<>();
        while (values.hasNext()) {
            long remainder = Math.floorMod(values.next()._2(), REMAINDERS);
            if ((seen & 1L << remainder) == 0) {
                found.add(new Tuple2<>(key, remainder));
                seen |= 1L << remainder;
            }
        }
        state.update(seen);
        return found.iterator();
    }

    /** How many rows each key has, again after each call. */
    static Dataset<Row> counts(Dataset<Row> rows) {
        MapGroupsWithStateFunction<Long, Tuple2<Long, Long>, Long, Tuple2<Long, Long>> function = KeyedCode::counted;
        return grouped(rows)
                .mapGroupsWithState(function, Encoders.LONG(), PAIRS, GroupStateTimeout.NoTimeout())
                .toDF("k", "count");
    }

    static Tuple2<Long, Long> counted(Long key, Iterator<Tuple2<Long, Long>> values, GroupState<Long> state) {
        long count = state.exists() ? state.get() : 0;
        for (; values.hasNext(); values.next()) {
            count++;
        }
        state.update(count);
        return new Tuple2<>(key, count);
    }

    /** As {@link #remainders}, in update mode, with {@code transformWithState}. */
    static Dataset<Row> remaindersOfProcessor(Dataset<Row> rows) {
        return grouped(rows)
                .transformWithState(new RemainderProcessor(), TimeMode.None(), OutputMode.Update(), PAIRS)
                .toDF("k", "remainder");
    }

    /** The count of each key's rows within each ten seconds, when these are over. */
    static Dataset<Row> bucketsByTimeout(Dataset<Row> rows) {
        FlatMapGroupsWithStateFunction<String, Row, Long, Tuple2<String, Long>> function = KeyedCode::count;
        return byBucket(rows)
                .flatMapGroupsWithState(
                        function,
                        OutputMode.Append(),
                        Encoders.LONG(),
                        Encoders.tuple(Encoders.STRING(), Encoders.LONG()),
                        GroupStateTimeout.EventTimeTimeout())
                .toDF("bucket", "count");
    }

    private static Iterator<Tuple2<String, Long>> count(String key, Iterator<Row> rows, GroupState<Long> state) {
        if (state.hasTimedOut()) {
            Tuple2<String, Long> counted = new Tuple2<>(key, state.get());
            state.remove();
            return List.of(counted).iterator();
        }
        long count = state.exists() ? state.get() : 0;
        long end = 0;
        while (rows.hasNext()) {
            end = bucketEndMillis(rows.next());
            count++;
        }
        state.update(count);
        // What an operator before this gives as the watermark passes is given here behind it, in Spark's batches.
        state.setTimeoutTimestamp(Math.max(end, state.getCurrentWatermarkMs() + 1));
        return List.<Tuple2<String, Long>>of().iterator();
    }

    /** As {@link #bucketsByTimeout}, by timers of {@code transformWithState}. */
    static Dataset<Row> bucketsByTimer(Dataset<Row> rows) {
        return byBucket(rows)
                .transformWithState(
                        new BucketProcessor(),
                        TimeMode.EventTime(),
                        OutputMode.Append(),
                        Encoders.tuple(Encoders.STRING(), Encoders.LONG()))
                .toDF("bucket", "count");
    }

    private static KeyValueGroupedDataset<String, Row> byBucket(Dataset<Row> rows) {
        Dataset<Row> timed = rows.select("k", "ts").filter("ts is not null");
        return timed.groupByKey(
                (MapFunction<Row, String>) row -> (row.isNullAt(0) ? "none" : row.getLong(0)) + "@"
                        + new java.sql.Timestamp(bucketEndMillis(row)),
                Encoders.STRING());
    }

    static long bucketEndMillis(Row row) {
        return (row.getTimestamp(1).getTime() / BUCKET_MILLIS + 1) * BUCKET_MILLIS;
    }

    /** What the buckets are in a batch, in which no time passes. */
    static Dataset<Row> bucketsOfBatch(Dataset<Row> rows) {
        return byBucket(rows).count().toDF("bucket", "count");
    }

    static long remainder(long value) {
        return Math.floorMod(value, REMAINDERS);
    }
}
