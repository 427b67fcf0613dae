package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import org.jspecify.annotations.Nullable;

/**
 * One step of a task's chain: takes rows and marks in their order and answers at once for what it
 * has. Each of {@link #process}, {@link #giveHeld}, {@link #watermark}, {@link #wakeUp} and {@link #barrier} returns false when the
 * output was full, or when it has done enough for one step (a few thousand rows of work); it is then
 * called again with the same argument, and goes on where it stopped, before anything else is called.
 *
 * <p>Thread: the owning task. An operator never blocks and starts no threads.
 */
public interface Operator extends AutoCloseable {

    /** Called once, before any other method, on the owning thread. */
    default void open(OperatorContext context) throws Exception {}

    /**
     * Takes all rows of the cursor. True when every row was taken and all that they gave was emitted.
     * Lifetime: the rows' bytes are valid until true is returned.
     */
    boolean process(RowCursor rows, Output output) throws Exception;

    /** The watermark of the operator's input has moved on to {@code micros}; it never moves back. */
    default boolean watermark(long micros, Output output) throws Exception {
        return true;
    }

    /** Whether the operator took rows that wait for others to come with them; it is asked once a task's input runs dry. */
    default boolean holdsRows() {
        return false;
    }

    /** Gives what the operator {@link #holdsRows holds}, as no other rows come for now. */
    default boolean giveHeld(Output output) throws Exception {
        return true;
    }

    /**
     * When to call {@link #wakeUp} although nothing comes in, by the clock of the {@link OperatorContext}.
     * Asked for often; a time in the past means at once.
     */
    default long wakeUpMillis() {
        return ProcessingTime.NEVER;
    }

    /** The time that the operator asked to be woken at has come. */
    default boolean wakeUp(Output output) throws Exception {
        return true;
    }

    /**
     * The watermark that holds behind this operator, given the one before it. Only an operator that
     * assigns watermarks changes it.
     */
    default long outputWatermark(long inputWatermark) {
        return inputWatermark;
    }

    /** The rows of {@code epoch} are complete. */
    default boolean barrier(long epoch, Output output) throws Exception {
        return true;
    }

    /**
     * What the operator saw of the epoch whose barrier it has just taken, for whoever gathers the epoch; null
     * for one that does not observe. Asked for once, before the next rows.
     */
    default byte @Nullable [] takeObservation() throws Exception {
        return null;
    }

    /**
     * Freezes all state as of the barrier that was just taken, or gives null where there is none. The
     * operator goes on at once; what is frozen is written between its calls, before the next barrier.
     */
    default @Nullable FrozenState freeze(OperatorId id) throws Exception {
        return null;
    }

    /**
     * Takes one section of a snapshot back, after {@link #open} and before any row: those of a key group
     * that this task owns, in their order, and what each task of the operator kept for itself.
     */
    default void restore(Section section) throws Exception {}

    /** All entries of the snapshot are back. */
    default void restored() throws Exception {}

    @Override
    default void close() throws Exception {}
}
