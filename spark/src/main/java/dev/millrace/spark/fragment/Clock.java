package dev.millrace.spark.fragment;

import dev.millrace.engine.operator.ProcessingTime;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.objects.StaticInvoke;
import org.apache.spark.unsafe.types.UTF8String;
import org.jspecify.annotations.Nullable;

/**
 * What {@code current_timestamp} and its kin give in a running query: the time at which the page at
 * hand was taken up, the same for all of its rows and for all places in a row; in bounded epochs the
 * epoch's. Called by generated
 * code, hence public and static.
 *
 * <p>Thread: any; each thread has its own time.
 */
public final class Clock {
    private static final ThreadLocal<Tick> TICKS = ThreadLocal.withInitial(Tick::new);

    private Clock() {}

    /** One thread's time. Thread: its own. */
    static final class Tick {
        private long micros = now();
        private @Nullable ProcessingTime epochs;

        /** Moves on to the time of the wall clock, or of the bounded epoch under way. */
        void advance() {
            ProcessingTime ofEpoch = epochs;
            micros = ofEpoch == null ? now() : TimeUnit.MILLISECONDS.toMicros(ofEpoch.millis());
        }

        private static long now() {
            Instant instant = Instant.now();
            return TimeUnit.SECONDS.toMicros(instant.getEpochSecond()) + instant.getNano() / 1000;
        }
    }

    /** The calling thread's time, to be kept and moved by who runs the thread's fragments. */
    static Tick tick() {
        return TICKS.get();
    }

    /** Lets the calling thread's time be that of bounded epochs, for the thread's life. */
    public static void follow(ProcessingTime epochs) {
        Tick tick = TICKS.get();
        tick.epochs = epochs;
        tick.advance();
    }

    /** Moves the calling thread's time on, for who takes rows outside of a fragment. */
    public static void advance() {
        TICKS.get().advance();
    }

    /** Whether an expression asks for the time. */
    public static boolean isReadBy(@Nullable Expression expression) {
        return expression != null
                && expression.exists(part -> part instanceof StaticInvoke call && call.staticObject() == Clock.class);
    }

    /** Units: microseconds since 1970-01-01T00:00:00Z, as Spark's TIMESTAMP. */
    public static long timestampMicros() {
        return TICKS.get().micros;
    }

    /** Units: microseconds since 1970-01-01T00:00:00 on that zone's wall clock, as Spark's TIMESTAMP_NTZ. */
    public static long localTimestampMicros(UTF8String zone) {
        return ChronoUnit.MICROS.between(LocalDateTime.of(1970, 1, 1, 0, 0), local(zone));
    }

    /** Units: days since 1970-01-01 in that zone, as Spark's DATE. */
    public static int dateDays(UTF8String zone) {
        return (int) local(zone).toLocalDate().toEpochDay();
    }

    /** Units: nanoseconds since midnight in that zone, cut to {@code precision} digits, as Spark's TIME. */
    public static long timeNanos(UTF8String zone, int precision) {
        long nanos = local(zone).toLocalTime().toNanoOfDay();
        long unit = 1;
        for (int digit = precision; digit < 9; digit++) {
            unit *= 10;
        }
        return nanos - nanos % unit;
    }

    private static LocalDateTime local(UTF8String zone) {
        long micros = TICKS.get().micros;
        Instant instant =
                Instant.ofEpochSecond(Math.floorDiv(micros, 1_000_000L), Math.floorMod(micros, 1_000_000L) * 1000L);
        return LocalDateTime.ofInstant(instant, ZoneId.of(zone.toString(), ZoneId.SHORT_IDS));
    }
}
