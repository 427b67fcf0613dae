package dev.millrace.spark.migration;

import dev.millrace.engine.operator.Aggregate;
import dev.millrace.engine.operator.Join;
import dev.millrace.engine.operator.JoinType;
import dev.millrace.engine.operator.KeyedAggregateFactory;
import dev.millrace.engine.operator.KeyedDeduplicate;
import dev.millrace.engine.operator.KeyedFunction;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.RowLimit;
import dev.millrace.engine.operator.SessionAggregate;
import dev.millrace.engine.operator.StreamJoinFactory;
import dev.millrace.engine.operator.WatermarkState;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.deduplicate.RowIdentities;
import dev.millrace.spark.function.FunctionSpecification;
import dev.millrace.spark.function.GroupStateSpecification;
import dev.millrace.spark.function.ProcessorSpecification;
import dev.millrace.spark.function.UserFunctions;
import dev.millrace.spark.key.EventTimeColumn;
import dev.millrace.spark.key.StateColumns;
import java.io.IOException;
import java.util.Locale;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.StructType;

/**
 * Makes an operator's state of what Spark keeps for it. Entries are given the time at which the operator itself would
 * have them expire.
 *
 * <p>Thread: one. Source: the stores of Spark's StateStoreSaveExec, BaseStreamingDeduplicateExec,
 * SymmetricHashJoinStateManager and StreamingGlobalLimitExec.
 */
final class OperatorCopy {
    private static final String AGGREGATE = "stateStoreSave";
    private static final String DEDUPLICATE = "dedupe";
    private static final String DEDUPLICATE_WITHIN_WATERMARK = "dedupeWithinWatermark";
    private static final String SESSIONS = "sessionWindowStateStoreSaveExec";
    private static final String GROUP_STATE = "flatMapGroupsWithState";
    private static final String PROCESSOR = "transformWithStateExec";
    private static final String LIMIT = "globalLimit";
    private static final String JOIN = "symmetricHashJoin";
    private static final int KEY = 0;
    private static final int VALUE = 1;

    private final Transfer transfer;
    private final StoredOperator from;

    OperatorCopy(Transfer transfer) {
        this.transfer = transfer;
        this.from = transfer.from();
    }

    /**
     * Writes all entries, and how far the operator's rows have come. Returns how many entries Spark has.
     *
     * <p>Errors: UNSUPPORTED_CHECKPOINT where Spark's state is of another kind of operator, or of one whose state cannot
     * be taken over.
     */
    long write() throws IOException {
        OperatorFactory factory = transfer.to().factory();
        if (factory instanceof RowLimit.Factory && from.is(LIMIT)) {
            return limit();
        }
        Section task = WatermarkState.section(transfer.to().id(), transfer.to().watermarkMicros());
        if (factory instanceof KeyedFunction.Factory functions && from.is(GROUP_STATE, PROCESSOR)) {
            return function(functions, task);
        }
        transfer.file().append(task);
        if (factory instanceof KeyedAggregateFactory aggregate && from.is(AGGREGATE)) {
            return aggregate(aggregate);
        }
        if (factory instanceof SessionAggregate.Factory sessions && from.is(SESSIONS)) {
            return new SessionCopy(transfer, sessions).write();
        }
        if (factory instanceof KeyedDeduplicate.Factory deduplicate
                && from.is(AGGREGATE, DEDUPLICATE, DEDUPLICATE_WITHIN_WATERMARK)) {
            return deduplicate(deduplicate);
        }
        if (factory instanceof StreamJoinFactory join && from.is(JOIN)) {
            return join(join, Side.LEFT) + join(join, Side.RIGHT);
        }
        throw unlike();
    }

    private RuntimeException unlike() {
        return SparkState.refused("that of its operator %d, %s, cannot become that of %s"
                .formatted(from.id(), from.name(), transfer.to().factory().name()));
    }

    /** One entry, whose value is how many rows were given. */
    private long limit() throws IOException {
        StoredOperator.Store store = from.store();
        StoredColumns count = StoredColumns.at(store.type(), VALUE);
        long entries = 0;
        for (var rows = store.entries(); rows.hasNext(); entries++) {
            transfer.file().append(RowLimit.section(transfer.to().id(), count.longAt(rows.next(), 0)));
        }
        return entries;
    }

    private long function(KeyedFunction.Factory factory, Section task) throws IOException {
        FunctionSpecification specification =
                ((UserFunctions) factory.functions()).specifications().copy();
        if (specification instanceof GroupStateSpecification group && from.is(GROUP_STATE)) {
            transfer.file().append(task);
            return new GroupStateCopy(transfer, group).write();
        }
        if (specification instanceof ProcessorSpecification processor && from.is(PROCESSOR)) {
            return new ProcessorCopy(transfer, processor).write(task);
        }
        throw unlike();
    }

    /** Of a key and a value, which in format version 1 begins with the key's columns. */
    private long aggregate(KeyedAggregateFactory factory) throws IOException {
        StoredOperator.Store store = from.store();
        StateSchema schema = transfer.schema(0);
        StoredColumns key = StoredColumns.at(store.type(), KEY);
        StoredColumns value = StoredColumns.at(store.type(), VALUE);
        int buffers = StateColumns.parse(schema.value()).length();
        StoredColumns buffer = value.count() == key.count() + buffers ? value.from(key.count()) : value;
        Aggregate aggregate = factory.aggregates().get();
        StoreCopy copy = transfer.into(schema, key.type(), buffer.type());
        return copy.write(store, row -> {
            RowView keyBytes = key.of(row);
            copy.put(keyBytes, buffer.of(row), aggregate.expiryMicros(keyBytes));
        });
    }

    /** Of a key without value, or whose value is when it expires; {@code distinct} is an aggregation of Spark's. */
    private long deduplicate(KeyedDeduplicate.Factory factory) throws IOException {
        StoredOperator.Store store = from.store();
        StoredColumns key = StoredColumns.at(store.type(), KEY);
        StoredColumns value = StoredColumns.at(store.type(), VALUE);
        StoreCopy copy = transfer.into(transfer.schema(0), key.type(), new StructType());
        RowView none = new RowView();
        if (from.is(DEDUPLICATE_WITHIN_WATERMARK)) {
            return copy.write(store, row -> copy.put(key.of(row), none, value.longAt(row, 0)));
        }
        EventTimeColumn eventTime = ((RowIdentities) factory.identities()).keyEventTime();
        return copy.write(store, row -> {
            RowView keyBytes = key.of(row);
            copy.put(keyBytes, none, eventTime.micros(keyBytes));
        });
    }

    /** Of a key and a number, whose value is a row and whether it had a match. */
    private long join(StreamJoinFactory factory, Side side) throws IOException {
        StoredOperator.Store store = from.store(side.name().toLowerCase(Locale.ROOT) + "-keyWithIndexToValue");
        StoredColumns key = StoredColumns.at(store.type(), KEY);
        StoredColumns value = StoredColumns.at(store.type(), VALUE);
        if (!endsWithFlag(value)) {
            throw from.refused("keeps rows in format version 1 of joins");
        }
        int numberIndex = key.count() - 1;
        int flagIndex = value.count() - 1;
        StoredColumns joined = key.first(numberIndex);
        StoredColumns kept = value.first(flagIndex);
        Join join = factory.joins().create(0);
        JoinRow form = new JoinRow(factory.type(), side);
        SubKeys keys = new SubKeys();
        StoreCopy copy = transfer.into(transfer.schema(side.ordinal()), joined.type(), kept.type());
        return copy.write(store, row -> {
            boolean matched = value.flagAt(row, flagIndex);
            if (form.isKept(matched)) {
                RowView keyBytes = joined.of(row);
                RowView rowBytes = kept.of(row);
                long expiryMicros = join.expiryMicros(side, rowBytes, keyBytes);
                RowView entryKey = keys.behind(keyBytes, key.longAt(row, numberIndex));
                copy.put(keyBytes, entryKey, Long.BYTES, form.value(rowBytes, matched), expiryMicros);
            }
        });
    }

    private static boolean endsWithFlag(StoredColumns value) {
        return value.count() > 0 && value.type().apply(value.count() - 1).dataType() instanceof BooleanType;
    }

    /** A row of one side as the engine's join keeps it: {@code KeptRows} has the layout. */
    private static final class JoinRow {
        private final boolean tellsMatched;
        private final boolean dropsMatched;
        private final SubKeys rows = new SubKeys();

        JoinRow(JoinType type, Side side) {
            tellsMatched = type.keepsUnmatched(side);
            dropsMatched = type == JoinType.LEFT_SEMI && side == Side.LEFT;
        }

        /** Spark leaves a row that a left semi join has given where it is. */
        boolean isKept(boolean matched) {
            return !(matched && dropsMatched);
        }

        RowView value(RowView row, boolean matched) {
            return tellsMatched ? rows.behind(row, (byte) (matched ? 1 : 0)) : row;
        }
    }
}
