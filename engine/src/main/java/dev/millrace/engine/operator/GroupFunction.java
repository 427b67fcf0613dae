package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * Code that is called with rows of one key, and may keep state for the key and ask to be called at a
 * time. Calls follow one another: one begins with {@link #call}, {@link #callDue} or {@link
 * #callInitial}, and is through once {@link #next} gave null; from then on its changes count.
 *
 * <p>Thread: the owning task; an instance is not shared. Lifetime: what is handed in is valid until the
 * call is through; views that are returned, until the next method is called.
 *
 * <p>Errors: USER_CODE where the user's code threw.
 */
public interface GroupFunction extends AutoCloseable {
    /** What the times that a function waits for are measured in. */
    enum TimeDomain {
        /** It waits for none. */
        NONE,
        EVENT_TIME,
        PROCESSING_TIME
    }

    /** Makes the function of each task. Thread: the owning task. */
    @FunctionalInterface
    interface Factory extends Serializable {
        GroupFunction open(OperatorContext context) throws Exception;
    }

    TimeDomain timeDomain();

    /** The key's bytes: equal keys have equal bytes. */
    RowView key(RowView row);

    /** Whether a row comes too late for a watermark and is to be dropped. */
    boolean isLate(RowView row, long watermarkMicros);

    /** The time by which {@link #isLate} goes; asked for where a row is late. */
    long eventTimeMicros(RowView row);

    /** The times that calls see from now on. */
    void present(long watermarkMicros, long timeMillis);

    /** Calls belong to this epoch from now on. */
    default void epoch(long epoch) {}

    /** Begins a call with rows of one key, in the order in which they came. */
    void call(int keyGroup, RowView key, GroupRows rows) throws Exception;

    /**
     * When the first call is due that was asked for, or {@link Long#MAX_VALUE}. Units: microseconds
     * since 1970-01-01T00:00:00Z.
     */
    long dueMicros();

    /**
     * Gathers what is due at a time, up to a bounded number; false when nothing is. What is asked for
     * meanwhile is due later than that, so that gathering and calling come to an end.
     */
    boolean gatherDue(long nowMicros) throws Exception;

    /** Begins the next call that was gathered; false when none is left. All of them come before rows and barriers. */
    boolean callDue() throws Exception;

    /** Takes the state that is there before the first row, the first time it is called. Before any call. */
    default void takeInitialState() throws Exception {}

    /**
     * Begins the next call that the state to begin with asks for, of keys that were not called yet; false when
     * none is left.
     */
    boolean callInitial() throws Exception;

    /** The next row that the call under way gives, or null when it is through or none is under way. */
    @Nullable
    RowView next() throws Exception;

    /** Puts what each task has to know of the state before it takes any back, under keys that are not empty. */
    default void describe(Section task) {}

    /** Takes back what {@link #describe} put, of each task that there was; before any {@link #restore}. */
    default void restoreDescription(RowView key, RowView value) {}

    /** As {@link Operator#freeze}. */
    FrozenState freeze(OperatorId id) throws Exception;

    /** As {@link Operator#restore}, for the sections of key groups. */
    void restore(Section section) throws Exception;

    /** As {@link Operator#restored}. */
    void restored() throws Exception;

    @Override
    void close() throws Exception;
}
