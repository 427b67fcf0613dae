package dev.millrace.spark.differential;

import dev.millrace.spark.scala.Scala;
import java.sql.Timestamp;
import java.util.List;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoder;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.streaming.ExpiredTimerInfo;
import org.apache.spark.sql.streaming.ListState;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import scala.Tuple2;
import scala.collection.Iterator;

/**
 * The count of each key's rows within each ten seconds, when these are over, with their end as the event time of
 * operators behind. Thread: its task's.
 */
final class TimedBuckets extends StatefulProcessor<Tuple2<Long, Long>, Row, Row> {
    private static final long serialVersionUID = 1L;
    private static final Encoder<Row> COUNTS = Encoders.row(new StructType()
            .add("k", DataTypes.LongType)
            .add("ts", DataTypes.TimestampType)
            .add("v", DataTypes.LongType)
            .add("n", DataTypes.LongType));

    private transient ListState<Long> times;

    static Dataset<Row> stream(Dataset<Row> rows) {
        MapFunction<Row, Tuple2<Long, Long>> key =
                row -> new Tuple2<>(row.isNullAt(0) ? -5L : row.getLong(0), KeyedCode.bucketEndMillis(row));
        return rows.select("k", "ts")
                .filter("ts is not null")
                .groupByKey(key, Encoders.tuple(Encoders.LONG(), Encoders.LONG()))
                .transformWithState(new TimedBuckets(), "ts", OutputMode.Append(), COUNTS);
    }

    /** What they are in a batch, in which no time passes. */
    static Dataset<Row> batch(Dataset<Row> rows) {
        return rows.filter("ts is not null")
                .selectExpr("coalesce(k, -5L) as k", "timestamp_millis((unix_millis(ts) div 10000 + 1) * 10000) as ts")
                .groupBy("k", "ts")
                .count()
                .selectExpr("k", "ts", "count as v", "count as n");
    }

    @Override
    public void init(OutputMode outputMode, TimeMode timeMode) {
        times = getHandle().getListState("times", Encoders.LONG(), TTLConfig.NONE());
    }

    @Override
    public Iterator<Row> handleInputRows(Tuple2<Long, Long> key, Iterator<Row> rows, TimerValues timerValues) {
        while (rows.hasNext()) {
            times.appendValue(rows.next().getTimestamp(1).getTime());
        }
        getHandle().registerTimer(key._2());
        return Scala.<Row>emptySeq().iterator();
    }

    @Override
    public Iterator<Row> handleExpiredTimer(Tuple2<Long, Long> key, TimerValues timerValues, ExpiredTimerInfo expired) {
        long count = times.get().size();
        times.clear();
        Row counted = RowFactory.create(key._1(), new Timestamp(key._2()), count, count);
        return Scala.<Row>seq(List.of(counted)).iterator();
    }
}
