package dev.millrace.spark.differential;

import dev.millrace.spark.scala.Scala;
import java.time.Duration;
import java.util.List;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.streaming.ExpiredTimerInfo;
import org.apache.spark.sql.streaming.ListState;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import scala.Tuple2;
import scala.collection.Iterator;

/**
 * Gives each key once, some milliseconds after its first row. Besides it keeps state that lives long, which must be there,
 * and state that lives for a moment, which must be what was put there, or nothing. Thread: its task's.
 */
final class WaitingProcessor extends StatefulProcessor<Long, Tuple2<Long, Long>, Long> {
    private static final long serialVersionUID = 1L;

    private final Duration shortTime;
    private transient ValueState<Long> count;
    private transient ListState<Long> values;
    private transient ValueState<Long> last;

    WaitingProcessor(Duration shortTime) {
        this.shortTime = shortTime;
    }

    @Override
    public void init(OutputMode outputMode, TimeMode timeMode) {
        TTLConfig hour = new TTLConfig(Duration.ofHours(1));
        count = getHandle().getValueState("count", Encoders.LONG(), TTLConfig.NONE());
        values = getHandle().getListState("values", Encoders.LONG(), hour);
        last = getHandle().getValueState("last", Encoders.LONG(), new TTLConfig(shortTime));
    }

    @Override
    public Iterator<Long> handleInputRows(Long key, Iterator<Tuple2<Long, Long>> rows, TimerValues times) {
        check(key);
        if (count.get() == null) {
            getHandle().registerTimer(times.getCurrentProcessingTimeInMs() + ClockCode.WAIT_MILLIS);
        }
        while (rows.hasNext()) {
            long before = count.get() == null ? 0 : count.get();
            values.appendValue(rows.next()._2());
            count.update(before + 1);
            last.update(before + 1);
        }
        return Scala.<Long>emptySeq().iterator();
    }

    @Override
    public Iterator<Long> handleExpiredTimer(Long key, TimerValues times, ExpiredTimerInfo timer) {
        check(key);
        return Scala.<Long>seq(List.of(key)).iterator();
    }

    private void check(Long key) {
        long rows = count.get() == null ? 0 : count.get();
        int listed = values.get().size();
        Long latest = last.get();
        if (listed != rows || latest != null && latest != rows) {
            throw new IllegalStateException("state is not what was kept: key=%d, rows=%d, listed=%d, last=%d"
                    .formatted(key, rows, listed, latest));
        }
    }
}
