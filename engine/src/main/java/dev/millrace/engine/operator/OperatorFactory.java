package dev.millrace.engine.operator;

import dev.millrace.engine.snapshot.StateSchema;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes one operator per task. Shared by all tasks of a stage, so it holds nothing that one of them
 * changes.
 *
 * <p>Thread: any.
 */
public interface OperatorFactory {
    Operator create();

    /** The name that {@code explain} and error messages show, such as {@code Aggregate[keys=card]}. */
    String name();

    /** Whether its operators keep state, which metrics then count. */
    default boolean keepsState() {
        return false;
    }

    /** What its operators keep for each key, as far as that is known before they run. */
    default List<StateSchema> states() {
        return List.of();
    }

    /** Whether its operators have an {@link Operator#takeObservation observation} of each epoch. */
    default boolean observes() {
        return false;
    }

    /** Whether its operators drop rows as late, and leave them with the {@link OperatorContext#lateRows}. */
    default boolean dropsLateRows() {
        return false;
    }

    /** What makes of its late rows those that tell of them, or null where nobody asks for them. */
    default @Nullable Supplier<LateRowEncoder> lateRows() {
        return null;
    }

    /** Whether its operators have a left and a right input, and so must be the first of their stage. */
    default boolean takesTwoInputs() {
        return false;
    }

    /** Whether its operators find a watermark in their rows, which then stands for that of their input. */
    default boolean assignsWatermark() {
        return false;
    }
}
