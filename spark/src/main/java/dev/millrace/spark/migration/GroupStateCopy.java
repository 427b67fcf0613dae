package dev.millrace.spark.migration;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.function.GroupStateSpecification;
import dev.millrace.spark.function.StateBytes;
import dev.millrace.spark.key.StateColumns;
import java.io.IOException;
import org.apache.spark.sql.catalyst.plans.logical.NoTimeout$;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * Makes the states of {@code mapGroupsWithState} and {@code flatMapGroupsWithState} of Spark's: a key's value is the
 * state's columns, in format version 2 as a struct that may be null, and when the key times out, where it can.
 *
 * <p>Thread: one. Source: Spark's FlatMapGroupsWithStateExecHelper.
 */
final class GroupStateCopy {
    private static final int KEY = 0;
    private static final int VALUE = 1;
    private static final int NESTED_STATE = 0;

    private final Transfer transfer;
    private final StateSchema schema;
    private final boolean hasTimeouts;

    GroupStateCopy(Transfer transfer, GroupStateSpecification specification) {
        this.transfer = transfer;
        this.schema = transfer.schema(0);
        this.hasTimeouts = specification.timeout() != NoTimeout$.MODULE$;
    }

    /** Writes all keys, and returns how many Spark has. */
    long write() throws IOException {
        StoredOperator.Store store = transfer.from().store();
        StoredColumns key = StoredColumns.at(store.type(), KEY);
        StoredColumns value = StoredColumns.at(store.type(), VALUE);
        StoredColumns state = state(store, value);
        boolean isNested = state.isWithin(value);
        int timeoutIndex = isNested ? 1 : state.count();
        requireTimeouts(value.count() > timeoutIndex);
        SubKeys bytes = new SubKeys();
        RowView none = new RowView();
        StoreCopy copy = transfer.into(schema, key.type(), state.type());
        return copy.write(store, row -> {
            RowView stateBytes = state.isNull(row) ? none : bytes.behind(state.of(row), StateBytes.BEHIND);
            long timeout = hasTimeouts ? value.longAt(row, timeoutIndex) : GroupStateSpecification.NO_TIME_OUT;
            copy.put(key.of(row), stateBytes, GroupStateSpecification.expiryMicros(timeout));
        });
    }

    /** Where the state's columns are: a struct, or all columns of the value but perhaps the last. */
    private StoredColumns state(StoredOperator.Store store, StoredColumns value) {
        StructType now = StateColumns.parse(schema.value());
        @Nullable
        DataType first = value.count() == 0 ? null : value.type().apply(0).dataType();
        if (first instanceof StructType struct && StateColumns.isReadAs(struct, now)) {
            return StoredColumns.at(store.type(), VALUE, NESTED_STATE);
        }
        return value.first(Math.min(now.length(), value.count()));
    }

    private void requireTimeouts(boolean stored) {
        if (stored != hasTimeouts) {
            throw transfer.from()
                    .refused("keeps %s, and the query has %s"
                            .formatted(stored ? "time-outs" : "no time-outs", stored ? "none" : "some"));
        }
    }
}
