package dev.millrace.spark.function;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.metrics.StateSize;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.state.EntryTable;
import dev.millrace.engine.state.KeyedState;
import dev.millrace.spark.function.StateVariable.Kind;
import dev.millrace.spark.function.StateVariable.Shape;
import dev.millrace.spark.key.StateColumns;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.execution.streaming.state.StateStoreErrors$;

/**
 * The state variables of one task's processor, by name. Each keeps the number that its state has in
 * snapshots from its first one on, whatever variables come and go between two runs; one that the
 * processor no longer has is kept unseen, as Spark does, until the processor deletes it.
 *
 * <p>Thread: the owning task. Errors: UNSUPPORTED_CHECKPOINT where a variable is not what it was.
 */
final class StateVariables implements AutoCloseable {
    private static final int UNNUMBERED = -1;

    /** A variable that the processor does not have. */
    private static final class Unseen<T extends EntryTable> extends StateVariable<T> {
        Unseen(String name, Shape shape, CurrentGroup group, KeyedState<T> state) {
            super(name, shape, group, state, null);
        }
    }

    private final String operator;
    private final OperatorContext context;
    private final CurrentGroup group;
    private final int firstNumber;
    private final Map<String, StateVariable<?>> byName = new LinkedHashMap<>();
    private final Map<String, Integer> numbers = new HashMap<>();
    private final Map<Integer, String> names = new HashMap<>();
    private final Set<String> deleted = new HashSet<>();
    private final List<StateVariable<?>> expiring = new ArrayList<>();

    /** @param firstNumber the number of the first variable's state */
    StateVariables(String operator, OperatorContext context, CurrentGroup group, int firstNumber) {
        this.operator = operator;
        this.context = context;
        this.group = group;
        this.firstNumber = firstNumber;
    }

    /** Takes a variable that the processor defines. Errors: Spark's own for a second one of its name. */
    <V extends StateVariable<?>> V define(V variable, boolean expires) {
        if (byName.putIfAbsent(variable.name(), variable) != null) {
            throw StateStoreErrors$.MODULE$.duplicateStateVariableDefined(variable.name());
        }
        if (expires) {
            expiring.add(variable);
        }
        return variable;
    }

    /** Drops what is left of a variable that the processor no longer has. */
    void delete(String name) {
        deleted.add(name);
    }

    /** Removes entries whose time has come, up to a bounded number, and returns how many they were. */
    int removeExpired(int limit) {
        int removed = 0;
        for (StateVariable<?> variable : expiring) {
            removed += variable.removeExpired(limit);
        }
        return removed;
    }

    /** When the first entry expires. */
    long earliestExpiryMicros() {
        long earliest = EntryTable.NEVER;
        for (StateVariable<?> variable : expiring) {
            earliest = Math.min(earliest, variable.state().earliestExpiryMicros());
        }
        return earliest;
    }

    /** How many values were written since this was asked last. */
    long takeChangeCount() {
        long count = 0;
        for (StateVariable<?> variable : byName.values()) {
            count += variable.takeChangeCount();
        }
        return count;
    }

    void reclaim() {
        for (StateVariable<?> variable : byName.values()) {
            variable.state().reclaim();
        }
    }

    StateSize size() {
        StateSize sum = StateSize.NONE;
        for (StateVariable<?> variable : byName.values()) {
            sum = sum.plus(variable.state().size());
        }
        return sum;
    }

    /** Puts what is known of the variables beside their entries. */
    void describe(Section task) {
        numberAll();
        byName.forEach((name, variable) -> new VariableDescription(name, numberOf(name), variable.shape()).put(task));
    }

    /** Takes back what {@link #describe} put; before any section of the variables' own. */
    void restoreDescription(RowView key, RowView value) {
        VariableDescription before = VariableDescription.of(key, value);
        String name = before.name();
        numbers.put(name, before.number());
        names.put(before.number(), name);
        StateVariable<?> known = byName.get(name);
        if (known != null) {
            requireSame(name, before.shape(), known.shape());
        } else if (!deleted.contains(name)) {
            byName.put(name, unseen(name, before.shape()));
        }
    }

    private StateVariable<?> unseen(String name, Shape shape) {
        int keyGroups = context.keyGroupCount();
        return switch (shape.kind()) {
            case VALUE -> new Unseen<>(name, shape, group, KeyedState.ofValues(keyGroups, context.stateBudget()));
            case LIST -> new Unseen<>(name, shape, group, KeyedState.ofLists(keyGroups, context.stateBudget()));
            case MAP -> new Unseen<>(name, shape, group, KeyedState.ofGroups(keyGroups, context.stateBudget()));
        };
    }

    private void requireSame(String name, Shape before, Shape now) {
        boolean same = before.kind() == now.kind()
                && StateColumns.isReadAs(before.userKey(), now.userKey())
                && StateColumns.isReadAs(before.value(), now.value());
        if (!same) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot go on with a state variable: operator=%s, variable=%s, it was %s, it is %s. Give the new one another name, or start with a new checkpoint location."
                            .formatted(operator, name, describe(before), describe(now)));
        }
    }

    private static String describe(Shape shape) {
        String key = shape.kind() == Kind.MAP ? shape.userKey().catalogString() + " to " : "";
        return "%s of %s%s".formatted(shape.kind(), key, shape.value().catalogString());
    }

    /** Takes back a key group's section of one of the variables. */
    void restore(Section section) throws Exception {
        String name = names.get(section.key().stateIndex());
        StateVariable<?> variable = name == null ? null : byName.get(name);
        if (variable != null) {
            variable.state().restore(section);
        }
    }

    List<FrozenState> freeze(OperatorId id) {
        numberAll();
        List<FrozenState> frozen = new ArrayList<>();
        byName.forEach((name, variable) -> frozen.add(variable.state().freeze(id, numberOf(name))));
        return frozen;
    }

    private int numberOf(String name) {
        return numbers.getOrDefault(name, UNNUMBERED);
    }

    /** Gives a number to those that have none, in the order of their definition. */
    private void numberAll() {
        int next = firstNumber;
        for (int number : numbers.values()) {
            next = Math.max(next, number + 1);
        }
        for (String name : byName.keySet()) {
            if (numberOf(name) == UNNUMBERED) {
                numbers.put(name, next);
                names.put(next, name);
                next++;
            }
        }
    }

    @Override
    public void close() {
        byName.values().forEach(variable -> variable.state().close());
    }
}
