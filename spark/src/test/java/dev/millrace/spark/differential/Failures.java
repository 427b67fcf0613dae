package dev.millrace.spark.differential;

import dev.millrace.spark.batches.BatchesProvider;
import java.io.IOException;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;

/** Lets the parts of a running query fail on purpose, each once when it is armed. Thread: any. */
final class Failures implements BatchesProvider.Witness {
    /** What can fail. */
    enum Place {
        READ,
        /** User code within a task. */
        TASK,
        WRITE,
        /** Before the sink has an epoch, or when it has it but nobody knows yet. */
        COMMIT
    }

    private static final Map<String, Failures> ALL = new ConcurrentHashMap<>();
    private static final String MESSAGE = "a failure on purpose";
    private static final int NEVER = Integer.MAX_VALUE;

    private final Map<Place, AtomicInteger> callsLeft = new EnumMap<>(Place.class);

    private Failures() {
        for (Place place : Place.values()) {
            callsLeft.put(place, new AtomicInteger(NEVER));
        }
    }

    /** Those of a run, from its first call until {@link #remove}. */
    static Failures of(String run) {
        return ALL.computeIfAbsent(run, made -> new Failures());
    }

    static void remove(String run) {
        ALL.remove(run);
    }

    /** Lets a place fail after so many more calls. */
    void arm(Place place, int calls) {
        at(place).set(calls);
    }

    void disarm() {
        callsLeft.values().forEach(calls -> calls.set(NEVER));
    }

    void reached(Place place) throws IOException {
        AtomicInteger left = at(place);
        if (left.get() != NEVER && left.getAndDecrement() == 0) {
            left.set(NEVER);
            throw new IOException(MESSAGE);
        }
    }

    private AtomicInteger at(Place place) {
        return Objects.requireNonNull(callsLeft.get(place));
    }

    @Override
    public void writing() throws IOException {
        reached(Place.WRITE);
    }

    @Override
    public void committing() throws IOException {
        reached(Place.COMMIT);
    }

    /** Whether it was one of these that ended a query. */
    static boolean isOnPurpose(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (String.valueOf(cause.getMessage()).contains(MESSAGE)) {
                return true;
            }
        }
        return false;
    }

    /** A condition that is true, unless user code is to fail. */
    static Column passing(String run) {
        return functions
                .udf(new Passing(run), DataTypes.BooleanType)
                .asNondeterministic()
                .apply(functions.lit(1));
    }

    private record Passing(String run) implements UDF1<Integer, Boolean> {
        @Override
        public Boolean call(Integer unused) throws IOException {
            of(run).reached(Place.TASK);
            return true;
        }
    }
}
