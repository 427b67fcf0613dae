package dev.millrace.spark.differential;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.streaming.MapState;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessorWithInitialState;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import scala.Tuple2;
import scala.collection.Iterator;

/** Gives each remainder of each key once. Thread: its task's. */
final class RemainderProcessor
        extends StatefulProcessorWithInitialState<Long, Tuple2<Long, Long>, Tuple2<Long, Long>, Long> {
    private static final long serialVersionUID = 1L;

    private transient MapState<Long, Long> seen;

    @Override
    public void init(OutputMode outputMode, TimeMode timeMode) {
        seen = getHandle().getMapState("seen", Encoders.LONG(), Encoders.LONG(), TTLConfig.NONE());
    }

    @Override
    public Iterator<Tuple2<Long, Long>> handleInputRows(
            Long key, Iterator<Tuple2<Long, Long>> rows, TimerValues timerValues) {
        List<Tuple2<Long, Long>> found = new ArrayList<>();
        while (rows.hasNext()) {
            long remainder = KeyedCode.remainder(rows.next()._2());
            if (!seen.containsKey(remainder)) {
                seen.updateValue(remainder, 1L);
                found.add(new Tuple2<>(key, remainder));
            }
        }
        return Scala.<Tuple2<Long, Long>>seq(found).iterator();
    }

    /** @param initial a bit for each remainder that counts as given */
    @Override
    public void handleInitialState(Long key, Long initial, TimerValues timerValues) {
        for (long remainder = 0; remainder < KeyedCode.REMAINDERS; remainder++) {
            if ((initial & 1L << remainder) != 0) {
                seen.updateValue(remainder, 1L);
            }
        }
    }
}
