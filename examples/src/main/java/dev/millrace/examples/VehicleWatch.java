package dev.millrace.examples;

import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.streaming.ExpiredTimerInfo;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import org.jspecify.annotations.Nullable;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Tells what happens to one vehicle: {@code entered} and {@code left} a zone, {@code silent}, {@code back}.
 *
 * <p>How many positions a call brings is the engine's affair: one in real time, many in a batch, and then a vehicle may
 * have been silent and back before any timer could fire. So a silence is also seen by the next position, and the answer
 * follows from the positions alone.
 */
final class VehicleWatch extends StatefulProcessor<String, Row, Row> {
    private static final long serialVersionUID = 1L;
    private static final long SILENCE_MILLIS = 10_000;

    /** Spark calls {@link #init} before all else. */
    @SuppressWarnings("NullAway.Init")
    private transient ValueState<Long> lastMillis;

    @SuppressWarnings("NullAway.Init")
    private transient ValueState<String> lastZone;

    @SuppressWarnings("NullAway.Init")
    private transient ValueState<Boolean> silent;

    @Override
    public void init(OutputMode outputMode, TimeMode timeMode) {
        lastMillis = getHandle().getValueState("lastMillis", Encoders.LONG(), TTLConfig.NONE());
        lastZone = getHandle().getValueState("lastZone", Encoders.STRING(), TTLConfig.NONE());
        silent = getHandle().getValueState("silent", Encoders.BOOLEAN(), TTLConfig.NONE());
    }

    @Override
    public Iterator<Row> handleInputRows(String vehicle, Iterator<Row> positions, TimerValues timers) {
        List<Row> inOrder = new ArrayList<>();
        CollectionConverters.asJava(positions).forEachRemaining(inOrder::add);
        inOrder.sort(Comparator.comparing(position -> position.getTimestamp(2)));
        List<Row> events = new ArrayList<>();
        for (Row position : inOrder) {
            take(vehicle, position.getString(1), position.getTimestamp(2).getTime(), events);
        }
        return CollectionConverters.asScala(events.iterator());
    }

    @Override
    public Iterator<Row> handleExpiredTimer(String vehicle, TimerValues timers, ExpiredTimerInfo expired) {
        silent.update(true);
        Row event = event(vehicle, "silent", lastZone.exists() ? lastZone.get() : null, expired.getExpiryTimeInMs());
        return CollectionConverters.asScala(List.of(event).iterator());
    }

    private void take(String vehicle, @Nullable String zone, long millis, List<Row> events) {
        String zoneBefore = lastZone.exists() ? lastZone.get() : null;
        if (lastMillis.exists()) {
            seeSilence(vehicle, zoneBefore, millis, events);
        }
        if (!Objects.equals(zone, zoneBefore)) {
            if (zoneBefore != null) {
                events.add(event(vehicle, "left", zoneBefore, millis));
                lastZone.clear();
            }
            if (zone != null) {
                events.add(event(vehicle, "entered", zone, millis));
                lastZone.update(zone);
            }
        }
        lastMillis.update(millis);
        getHandle().registerTimer(millis + SILENCE_MILLIS);
    }

    /** Ends the wait for the last position's timer, which has fired, or would have by now. */
    private void seeSilence(String vehicle, @Nullable String zone, long millis, List<Row> events) {
        long due = lastMillis.get() + SILENCE_MILLIS;
        boolean told = silent.exists();
        if (!told && millis > due) {
            events.add(event(vehicle, "silent", zone, due));
        }
        if (told || millis > due) {
            events.add(event(vehicle, "back", zone, millis));
            silent.clear();
        }
        if (!told) {
            getHandle().deleteTimer(due);
        }
    }

    private static Row event(String vehicle, String event, @Nullable String zone, long millis) {
        return RowFactory.create(vehicle, event, zone, new Timestamp(millis));
    }
}
