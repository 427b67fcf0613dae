package dev.millrace.spark.execution;

import dev.millrace.spark.settings.Triggers;
import java.util.Optional;
import org.apache.spark.sql.execution.streaming.AvailableNowTrigger$;
import org.apache.spark.sql.execution.streaming.OneTimeTrigger$;
import org.apache.spark.sql.execution.streaming.ProcessingTimeTrigger;
import org.apache.spark.sql.execution.streaming.RealTimeTrigger;
import org.apache.spark.sql.streaming.Trigger;

/**
 * How a query's epochs follow one another, by its trigger.
 *
 * @param intervalMillis how often an epoch ends in {@link Kind#CONTINUOUS}, or begins in {@link Kind#INTERVAL};
 *     0 elsewhere
 */
public record Pace(Kind kind, long intervalMillis) {
    /** Who says where epochs end, and how many there are. */
    public enum Kind {
        /** Time does, while rows flow. */
        CONTINUOUS,
        /** The query does, before each epoch: bounded epochs, one after the other as long as it runs. */
        INTERVAL,
        /** As many bounded epochs as it takes for what there is at the start. */
        AVAILABLE_NOW,
        /** One bounded epoch. */
        ONCE
    }

    /** The pace of a trigger; empty where that is not for Millrace to run. */
    public static Optional<Pace> of(Trigger trigger, Triggers taken) {
        if (trigger instanceof RealTimeTrigger realTime) {
            return Optional.of(new Pace(Kind.CONTINUOUS, realTime.batchDurationMs()));
        }
        if (taken != Triggers.ALL) {
            return Optional.empty();
        }
        if (trigger instanceof ProcessingTimeTrigger interval) {
            return Optional.of(new Pace(Kind.INTERVAL, interval.intervalMs()));
        }
        if (trigger == AvailableNowTrigger$.MODULE$) {
            return Optional.of(new Pace(Kind.AVAILABLE_NOW, 0));
        }
        return trigger == OneTimeTrigger$.MODULE$ ? Optional.of(new Pace(Kind.ONCE, 0)) : Optional.empty();
    }

    /** Whether the query says where epochs end. */
    public boolean isBounded() {
        return kind != Kind.CONTINUOUS;
    }
}
