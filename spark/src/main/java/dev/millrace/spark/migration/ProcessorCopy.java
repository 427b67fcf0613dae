package dev.millrace.spark.migration;

import static dev.millrace.engine.state.EntryTable.NEVER;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.function.ProcessorSpecification;
import dev.millrace.spark.function.StateBytes;
import dev.millrace.spark.function.VariableDescription;
import dev.millrace.spark.key.StateColumns;
import dev.millrace.spark.scala.Scala;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.execution.streaming.operators.stateful.transformwithstate.StateVariableType;
import org.apache.spark.sql.execution.streaming.operators.stateful.transformwithstate.TransformWithStateOperatorProperties;
import org.apache.spark.sql.execution.streaming.operators.stateful.transformwithstate.TransformWithStateVariableInfo;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * Makes the variables and timers of {@code transformWithState} of Spark's. A value of a variable with a time to live is
 * a struct of the value and of when it is over. Variables that the processor no longer has come along: it may still
 * delete them.
 *
 * <p>Thread: one. Source: Spark's StateTypesEncoderUtils and TimerStateImpl; its {@code statestore} source reads them.
 */
final class ProcessorCopy {
    private static final int KEY = 0;
    private static final int TIME = 1;
    private static final int VALUE_IN_STRUCT = 0;
    private static final int EXPIRY_IN_STRUCT = 1;

    private final Transfer transfer;
    private final StoredOperator from;
    private final ProcessorSpecification specification;
    private final StateSchema timers;

    ProcessorCopy(Transfer transfer, ProcessorSpecification specification) {
        this.transfer = transfer;
        this.from = transfer.from();
        this.specification = specification;
        this.timers = transfer.schema(0);
    }

    /** A variable as Spark has it. */
    private static final class Variable {
        private final StoredOperator.Store store;
        private final StateSchema.Kind kind;
        private final StoredColumns key;
        private final @Nullable StoredColumns userKey;
        private final StoredColumns value;
        private final @Nullable StoredColumns expiry;

        Variable(StoredOperator from, TransformWithStateVariableInfo variable) {
            kind = kind(variable);
            store = from.variable(variable.stateName(), columns(kind));
            StructType rows = store.type();
            int valueColumn = rows.length() - 1;
            StoredColumns whole = StoredColumns.at(rows, valueColumn);
            key = StoredColumns.at(rows, KEY);
            userKey = kind == StateSchema.Kind.MAP ? StoredColumns.at(rows, valueColumn - 1) : null;
            expiry = variable.ttlEnabled() ? whole : null;
            value = variable.ttlEnabled() ? StoredColumns.at(rows, valueColumn, VALUE_IN_STRUCT) : whole;
        }

        private static StateSchema.Kind kind(TransformWithStateVariableInfo variable) {
            if (variable.stateVariableType().equals(StateVariableType.ListState())) {
                return StateSchema.Kind.LIST;
            }
            return variable.stateVariableType().equals(StateVariableType.MapState())
                    ? StateSchema.Kind.MAP
                    : StateSchema.Kind.VALUE;
        }

        private static String[] columns(StateSchema.Kind kind) {
            return switch (kind) {
                case LIST -> new String[] {"key", "list_element"};
                case MAP -> new String[] {"key", "user_map_key", "user_map_value"};
                default -> new String[] {"key", "value"};
            };
        }

        StructType userKeyType() {
            return userKey == null ? new StructType() : userKey.type();
        }

        long expiryMicros(InternalRow row) {
            return expiry == null ? NEVER : TimeUnit.MILLISECONDS.toMicros(expiry.longAt(row, EXPIRY_IN_STRUCT));
        }
    }

    /**
     * Writes all of them, and the task's section with what is known of the variables before them. Returns how many
     * entries Spark has.
     */
    long write(Section task) throws IOException {
        if (from.propertiesText().isEmpty()) { // no variable, and no timers
            transfer.file().append(task);
            return 0;
        }
        TransformWithStateOperatorProperties properties = from.properties();
        String timeMode = specification.timeMode().toString();
        if (!properties.timeMode().equals(timeMode)) {
            throw from.refused("has time mode %s, and the query %s".formatted(properties.timeMode(), timeMode));
        }
        List<Variable> variables = new ArrayList<>();
        List<VariableDescription> descriptions = new ArrayList<>();
        boolean hasTimers = false;
        for (TransformWithStateVariableInfo info :
                Scala.<TransformWithStateVariableInfo>list(properties.stateVariables())) {
            if (info.stateVariableType().equals(StateVariableType.TimerState())) {
                hasTimers = true;
            } else {
                Variable variable = new Variable(from, info);
                variables.add(variable);
                descriptions.add(VariableDescription.of(
                        info.stateName(),
                        timers.index() + variables.size(),
                        variable.kind,
                        variable.userKeyType(),
                        variable.value.type()));
            }
        }
        descriptions.forEach(description -> description.put(task));
        transfer.file().append(task);
        long entries = hasTimers ? timers() : 0;
        for (int i = 0; i < variables.size(); i++) {
            entries += copy(variables.get(i), descriptions.get(i));
        }
        return entries;
    }

    /** Each an entry that is due at its time. */
    private long timers() throws IOException {
        StoredOperator.Store store = from.timers();
        StoredColumns key = StoredColumns.at(store.type(), KEY);
        StoreCopy copy = transfer.into(timers, key.type(), new StructType());
        SubKeys keys = new SubKeys();
        RowView none = new RowView();
        return copy.write(store, row -> {
            RowView keyBytes = key.of(row);
            long millis = row.getLong(TIME);
            RowView entryKey = keys.behind(keyBytes, millis);
            copy.put(keyBytes, entryKey, Long.BYTES, none, TimeUnit.MILLISECONDS.toMicros(millis));
        });
    }

    private long copy(Variable variable, VariableDescription description) throws IOException {
        StateSchema schema = description.schema(StateColumns.parse(timers.key()));
        StoreCopy copy = transfer.into(schema, variable.key.type(), variable.value.type());
        SubKeys values = new SubKeys();
        StoreCopy.Taker taker =
                switch (variable.kind) {
                    case LIST -> elements(variable, copy, values);
                    case MAP -> pairs(variable, copy, values);
                    default ->
                        row -> copy.put(
                                variable.key.of(row),
                                values.behind(variable.value.of(row), StateBytes.BEHIND),
                                variable.expiryMicros(row));
                };
        return copy.write(variable.store, taker);
    }

    /** The elements of a key come one after the other, in their order. */
    private static StoreCopy.Taker elements(Variable variable, StoreCopy copy, SubKeys values) {
        SubKeys keys = new SubKeys();
        return new StoreCopy.Taker() {
            private byte[] before = new byte[0];
            private long number = -1;

            @Override
            public void take(InternalRow row) {
                RowView key = variable.key.of(row);
                int end = key.offset() + key.sizeBytes();
                if (number < 0 || !Arrays.equals(before, 0, before.length, key.bytes(), key.offset(), end)) {
                    before = Arrays.copyOfRange(key.bytes(), key.offset(), end);
                    number = 0;
                }
                copy.put(
                        key,
                        keys.behind(key, number++),
                        Long.BYTES,
                        values.behind(variable.value.of(row), StateBytes.BEHIND),
                        variable.expiryMicros(row));
            }
        };
    }

    private static StoreCopy.Taker pairs(Variable variable, StoreCopy copy, SubKeys values) {
        StoredColumns userKey = Objects.requireNonNull(variable.userKey);
        SubKeys keys = new SubKeys();
        SubKeys userKeys = new SubKeys();
        return row -> {
            RowView key = variable.key.of(row);
            RowView subKey = userKeys.behind(userKey.of(row), StateBytes.BEHIND);
            copy.put(
                    key,
                    keys.behind(key, subKey),
                    subKey.sizeBytes(),
                    values.behind(variable.value.of(row), StateBytes.BEHIND),
                    variable.expiryMicros(row));
        };
    }
}
