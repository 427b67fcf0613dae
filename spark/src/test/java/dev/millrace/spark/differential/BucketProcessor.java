package dev.millrace.spark.differential;

import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.streaming.ExpiredTimerInfo;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import scala.Tuple2;
import scala.collection.Iterator;

/** Counts rows and gives the count when the time of their bucket is over. Thread: its task's. */
final class BucketProcessor extends StatefulProcessor<String, Row, Tuple2<String, Long>> {
    private static final long serialVersionUID = 1L;

    private transient ValueState<Long> count;

    @Override
    public void init(OutputMode outputMode, TimeMode timeMode) {
        count = getHandle().getValueState("count", Encoders.LONG(), TTLConfig.NONE());
    }

    @Override
    public Iterator<Tuple2<String, Long>> handleInputRows(String key, Iterator<Row> rows, TimerValues timerValues) {
        while (rows.hasNext()) {
            Long before = count.get();
            count.update(before == null ? 1 : before + 1);
            getHandle().registerTimer(KeyedCode.bucketEndMillis(rows.next()));
        }
        return Scala.<Tuple2<String, Long>>emptySeq().iterator();
    }

    @Override
    public Iterator<Tuple2<String, Long>> handleExpiredTimer(
            String key, TimerValues timerValues, ExpiredTimerInfo expired) {
        Tuple2<String, Long> counted = new Tuple2<>(key, count.get());
        count.clear();
        return Scala.<Tuple2<String, Long>>seq(List.of(counted)).iterator();
    }
}
