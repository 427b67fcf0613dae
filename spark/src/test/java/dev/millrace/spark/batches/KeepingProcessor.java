package dev.millrace.spark.batches;

import dev.millrace.spark.scala.Scala;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.streaming.ExpiredTimerInfo;
import org.apache.spark.sql.streaming.ListState;
import org.apache.spark.sql.streaming.MapState;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import scala.collection.Iterator;

/**
 * Keeps something of each key in every kind of variable and in timers, and tells of it all in each call. In processing
 * time what it keeps has a time to live: a day, but for one variable whose values are gone at once.
 */
final class KeepingProcessor extends StatefulProcessor<String, Row, String> {
    private static final long serialVersionUID = 1L;
    private static final long WAIT_MILLIS = 10_000;
    private static final Duration LONG = Duration.ofDays(1);
    private static final Duration BRIEF = Duration.ofMillis(1);

    /** Rows with a lesser value leave something in the variable whose values are gone at once. */
    private final long briefBelow;

    private transient boolean hasEventTime;
    private transient ValueState<Long> count;
    private transient ValueState<Long> brief;
    private transient ListState<Long> values;
    private transient MapState<String, Long> sums;

    KeepingProcessor(long briefBelow) {
        this.briefBelow = briefBelow;
    }

    @Override
    public void init(OutputMode outputMode, TimeMode timeMode) {
        hasEventTime = timeMode == TimeMode.EventTime();
        TTLConfig live = hasEventTime ? TTLConfig.NONE() : new TTLConfig(LONG);
        count = getHandle().getValueState("count", Encoders.LONG(), live);
        brief = getHandle()
                .getValueState("brief", Encoders.LONG(), hasEventTime ? TTLConfig.NONE() : new TTLConfig(BRIEF));
        values = getHandle().getListState("values", Encoders.LONG(), live);
        sums = getHandle().getMapState("sums", Encoders.STRING(), Encoders.LONG(), live);
    }

    @Override
    public Iterator<String> handleInputRows(String key, Iterator<Row> rows, TimerValues times) {
        String before = text(times);
        List<Row> sorted = new ArrayList<>(Scala.<Row>list(rows.toSeq()));
        sorted.sort(Comparator.comparingLong(row -> row.getLong(1)));
        for (Row row : sorted) {
            add(row);
        }
        if (!hasEventTime && !getHandle().listTimers().hasNext()) {
            getHandle().registerTimer(times.getCurrentProcessingTimeInMs() + LONG.toMillis());
        }
        return texts("%s: %s then %s".formatted(key, before, text(times)));
    }

    private void add(Row row) {
        long value = row.getLong(1);
        Long counted = count.get();
        count.update(counted == null ? 1 : counted + 1);
        values.appendValue(value);
        String name = "n".repeat((int) (value % 4) * 5 + 1); // longer and shorter ones by turns
        Long sum = sums.getValue(name);
        sums.updateValue(name, sum == null ? value : sum + value);
        if (value < briefBelow) {
            brief.update(value);
        }
        if (hasEventTime && !row.isNullAt(2)) {
            getHandle().registerTimer(row.getTimestamp(2).getTime() + WAIT_MILLIS);
        }
    }

    private String text(TimerValues times) {
        TreeMap<String, Long> bySize = new TreeMap<>();
        Scala.list(sums.iterator().toSeq()).forEach(pair -> bySize.put(pair._1(), pair._2()));
        List<Object> timers = Scala.list(getHandle().listTimers().toSeq());
        return "count=%s brief=%s values=%s sums=%s timers=%s at=%s"
                .formatted(
                        count.get(),
                        brief.get(),
                        Scala.list(values.get().toSeq()),
                        bySize,
                        hasEventTime ? timers : timers.size(),
                        hasEventTime ? times.getCurrentWatermarkInMs() : "any time");
    }

    @Override
    public Iterator<String> handleExpiredTimer(String key, TimerValues times, ExpiredTimerInfo timer) {
        String before = text(times);
        if (timer.getExpiryTimeInMs() % 3 == 0) {
            values.clear();
            sums.clear();
        }
        return texts("%s: timer of %d: %s".formatted(key, timer.getExpiryTimeInMs(), before));
    }

    private static Iterator<String> texts(String text) {
        return Scala.<String>seq(List.of(text)).iterator();
    }
}
