package dev.millrace.spark.batches;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapGroupsWithStateFunction;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.api.java.function.MapGroupsWithStateFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.KeyValueGroupedDataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.streaming.ExpiredTimerInfo;
import org.apache.spark.sql.streaming.GroupState;
import org.apache.spark.sql.streaming.GroupStateTimeout;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;

/** User code by key that tells of each call: how many rows it had, and what it saw of time. */
final class Visits {
    private static final long WAIT_MILLIS = 10_000;

    private Visits() {}

    private static KeyValueGroupedDataset<String, Row> byKey(Dataset<Row> rows) {
        return rows.where("k is not null")
                .groupByKey((MapFunction<Row, String>) row -> row.getString(0), Encoders.STRING());
    }

    /** A count for each call. */
    static Dataset<Row> mapped(Dataset<Row> rows) {
        MapGroupsWithStateFunction<String, Row, Long, String> function = (key, values, state) -> {
            long count = state.exists() ? state.get() : 0;
            long rowsOfCall = size(values);
            state.update(count + rowsOfCall);
            return key + ": " + rowsOfCall + " of " + (count + rowsOfCall);
        };
        return byKey(rows)
                .mapGroupsWithState(function, Encoders.LONG(), Encoders.STRING(), GroupStateTimeout.NoTimeout())
                .toDF();
    }

    /** Says when a key was without rows for a while of event time. */
    static Dataset<Row> timedOut(Dataset<Row> rows) {
        FlatMapGroupsWithStateFunction<String, Row, Long, String> function = Visits::visit;
        return byKey(rows)
                .flatMapGroupsWithState(
                        function,
                        OutputMode.Append(),
                        Encoders.LONG(),
                        Encoders.STRING(),
                        GroupStateTimeout.EventTimeTimeout())
                .toDF();
    }

    private static Iterator<String> visit(String key, Iterator<Row> values, GroupState<Long> state) {
        long watermark = state.getCurrentWatermarkMs();
        if (state.hasTimedOut()) {
            String text = "%s: over after %d, at %d".formatted(key, state.get(), watermark);
            state.remove();
            return List.of(text).iterator();
        }
        long rowsOfCall = size(values);
        state.update(rowsOfCall + (state.exists() ? state.get() : 0));
        state.setTimeoutTimestamp(watermark + WAIT_MILLIS);
        return List.of("%s: %d, at %d".formatted(key, rowsOfCall, watermark)).iterator();
    }

    private static long size(Iterator<Row> rows) {
        long size = 0;
        for (; rows.hasNext(); rows.next()) {
            size++;
        }
        return size;
    }

    /** As {@link #timedOut}, by timers. */
    static Dataset<Row> processed(Dataset<Row> rows) {
        return byKey(rows)
                .transformWithState(new Processor(), TimeMode.EventTime(), OutputMode.Append(), Encoders.STRING())
                .toDF();
    }

    /** All that a processor can keep, in time of a kind. */
    static Dataset<Row> kept(Dataset<Row> rows, TimeMode time, long briefBelow) {
        return byKey(rows)
                .transformWithState(new KeepingProcessor(briefBelow), time, OutputMode.Append(), Encoders.STRING())
                .toDF();
    }

    private static final class Processor extends StatefulProcessor<String, Row, String> {
        private static final long serialVersionUID = 1L;

        private transient ValueState<Long> count;

        @Override
        public void init(OutputMode outputMode, TimeMode timeMode) {
            count = getHandle().getValueState("count", Encoders.LONG(), TTLConfig.NONE());
        }

        @Override
        public scala.collection.Iterator<String> handleInputRows(
                String key, scala.collection.Iterator<Row> rows, TimerValues times) {
            long rowsOfCall = 0;
            long last = 0;
            while (rows.hasNext()) {
                Row row = rows.next();
                last = row.isNullAt(2)
                        ? last
                        : Math.max(last, row.getTimestamp(2).getTime());
                rowsOfCall++;
            }
            Long before = count.get();
            count.update(rowsOfCall + (before == null ? 0 : before));
            getHandle().registerTimer(last + WAIT_MILLIS);
            return texts("%s: %d, at %d".formatted(key, rowsOfCall, times.getCurrentWatermarkInMs()));
        }

        @Override
        public scala.collection.Iterator<String> handleExpiredTimer(
                String key, TimerValues times, ExpiredTimerInfo timer) {
            Long before = count.get();
            return texts("%s: timer of %d after %s, at %d"
                    .formatted(key, timer.getExpiryTimeInMs(), before, times.getCurrentWatermarkInMs()));
        }

        private static scala.collection.Iterator<String> texts(String text) {
            List<String> texts = new ArrayList<>(Collections.singleton(text));
            return Scala.<String>seq(texts).iterator();
        }
    }
}
