package dev.millrace.spark.differential;

import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapGroupsWithStateFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.streaming.GroupState;
import org.apache.spark.sql.streaming.GroupStateTimeout;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.TimeMode;
import scala.Tuple2;

/**
 * User code that waits for the time of day. When it has its answer depends on the moment; what the answer is in the end,
 * does not: each key once, as soon as some milliseconds are over since its first row.
 */
final class ClockCode {
    /** Neither a time at which rows come together nor one that a case would notice. */
    static final long WAIT_MILLIS = 25;

    private static final Duration SHORT = Duration.ofMillis(30);

    private ClockCode() {}

    static Dataset<Row> keysByTimeout(Dataset<Row> rows) {
        FlatMapGroupsWithStateFunction<Long, Tuple2<Long, Long>, Boolean, Long> function = ClockCode::once;
        return KeyedCode.grouped(rows)
                .flatMapGroupsWithState(
                        function,
                        OutputMode.Append(),
                        Encoders.BOOLEAN(),
                        Encoders.LONG(),
                        GroupStateTimeout.ProcessingTimeTimeout())
                .toDF("k");
    }

    private static Iterator<Long> once(Long key, Iterator<Tuple2<Long, Long>> values, GroupState<Boolean> isGiven) {
        if (isGiven.hasTimedOut()) {
            isGiven.update(true);
            return List.of(key).iterator();
        }
        if (!isGiven.exists() || !isGiven.get()) {
            isGiven.update(false);
            // A call ends the time-out that the call before has set.
            isGiven.setTimeoutDuration(WAIT_MILLIS);
        }
        return List.<Long>of().iterator();
    }

    static Dataset<Row> keysByTimer(Dataset<Row> rows) {
        return KeyedCode.grouped(rows)
                .transformWithState(
                        new WaitingProcessor(SHORT), TimeMode.ProcessingTime(), OutputMode.Append(), Encoders.LONG())
                .toDF("k");
    }

    static Dataset<Row> keysOfBatch(Dataset<Row> rows) {
        return rows.selectExpr("coalesce(k, -5L) as k").distinct();
    }
}
