package dev.millrace.spark.function;

import dev.millrace.spark.scala.Scala;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.streaming.ExpiredTimerInfo;
import org.apache.spark.sql.streaming.ListState;
import org.apache.spark.sql.streaming.MapState;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessorWithInitialState;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import scala.collection.Iterator;

/**
 * Keeps of each key how many values came, which, and how often each: a value, a list and a map. What it
 * does with a key is set by {@code timers}.
 */
public class VisitProcessor extends StatefulProcessorWithInitialState<Long, Row, String, Long> {
    private static final long serialVersionUID = 1L;

    /** What timers a processor uses. */
    public enum Timers {
        NONE,
        /** One at a time, a value later than the last value, in seconds of event time. */
        EVENT_TIME,
        /** One, 200 milliseconds after the first value. */
        PROCESSING_TIME
    }

    private final Timers timers;
    private final Duration timeToLive;
    private transient ValueState<Long> count;
    private transient ListState<Long> values;
    private transient MapState<Long, Long> counts;

    public VisitProcessor(Timers timers, Duration timeToLive) {
        this.timers = timers;
        this.timeToLive = timeToLive;
    }

    @Override
    public void init(OutputMode outputMode, TimeMode timeMode) {
        TTLConfig ttl = new TTLConfig(timeToLive);
        count = getHandle().getValueState("count", Encoders.LONG(), ttl);
        values = getHandle().getListState("values", Encoders.LONG(), ttl);
        counts = getHandle().getMapState("counts", Encoders.LONG(), Encoders.LONG(), ttl);
    }

    @Override
    public Iterator<String> handleInputRows(Long key, Iterator<Row> rows, TimerValues times) {
        while (rows.hasNext()) {
            add(rows.next().getLong(0), times);
        }
        return Scala.<String>seq(List.of(key + "=" + text())).iterator();
    }

    private void add(long value, TimerValues times) {
        Long before = count.get();
        count.update(before == null ? 1 : before + 1);
        values.appendValue(value);
        Long seen = counts.getValue(value);
        counts.updateValue(value, seen == null ? 1 : seen + 1);
        if (timers == Timers.EVENT_TIME) {
            Iterator<Object> registered = getHandle().listTimers();
            while (registered.hasNext()) {
                getHandle().deleteTimer((Long) registered.next());
            }
            getHandle().registerTimer((value / 1000 + 10) * 1000);
        } else if (timers == Timers.PROCESSING_TIME && before == null) {
            getHandle().registerTimer(times.getCurrentProcessingTimeInMs() + 200);
        }
    }

    /** What is kept of the current key. */
    String text() {
        List<Long> list = new ArrayList<>();
        values.get().foreach(value -> list.add((Long) value));
        TreeMap<Long, Long> map = new TreeMap<>();
        counts.iterator().foreach(entry -> map.put((Long) entry._1(), (Long) entry._2()));
        list.sort(null);
        return "%s %s %s".formatted(count.get(), list, map);
    }

    @Override
    public Iterator<String> handleExpiredTimer(Long key, TimerValues times, ExpiredTimerInfo timer) {
        String row = "%s over: %s".formatted(key, text());
        count.clear();
        values.clear();
        counts.clear();
        return Scala.<String>seq(List.of(row)).iterator();
    }

    @Override
    public void handleInitialState(Long key, Long initial, TimerValues times) {
        count.update(initial);
    }
}
