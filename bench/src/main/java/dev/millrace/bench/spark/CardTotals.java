package dev.millrace.bench.spark;

import java.io.Serializable;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import scala.Tuple2;
import scala.Tuple3;
import scala.Tuple4;
import scala.collection.Iterator;

/** User code over keyed state: for each row of a card, how many there were and the highest amount so far. */
final class CardTotals
        extends StatefulProcessor<Integer, Tuple3<Integer, Double, Long>, Tuple4<Integer, Long, Double, Long>>
        implements Serializable {
    private static final long serialVersionUID = 1L;

    /** Spark calls {@link #init} before all else. */
    @SuppressWarnings("NullAway.Init")
    private transient ValueState<Tuple2<Long, Double>> totals;

    @Override
    public void init(OutputMode outputMode, TimeMode timeMode) {
        totals = getHandle()
                .getValueState("totals", Encoders.tuple(Encoders.LONG(), Encoders.DOUBLE()), TTLConfig.NONE());
    }

    @Override
    public Iterator<Tuple4<Integer, Long, Double, Long>> handleInputRows(
            Integer card, Iterator<Tuple3<Integer, Double, Long>> rows, TimerValues timers) {
        java.util.List<Tuple4<Integer, Long, Double, Long>> answers = new java.util.ArrayList<>();
        long count = 0;
        double highest = Double.NEGATIVE_INFINITY;
        if (totals.exists()) {
            count = totals.get()._1();
            highest = totals.get()._2();
        }
        while (rows.hasNext()) {
            Tuple3<Integer, Double, Long> row = rows.next();
            count++;
            highest = Math.max(highest, row._2());
            answers.add(new Tuple4<>(card, count, highest, row._3()));
        }
        totals.update(new Tuple2<>(count, highest));
        return scala.jdk.javaapi.CollectionConverters.asScala(answers.iterator());
    }
}
