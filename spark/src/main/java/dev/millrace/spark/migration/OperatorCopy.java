package dev.millrace.spark.migration;

import dev.millrace.engine.operator.Aggregate;
import dev.millrace.engine.operator.Join;
import dev.millrace.engine.operator.JoinType;
import dev.millrace.engine.operator.KeyedAggregateFactory;
import dev.millrace.engine.operator.KeyedDeduplicate;
import dev.millrace.engine.operator.StreamJoinFactory;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.snapshot.SnapshotFileWriter;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.deduplicate.RowIdentities;
import dev.millrace.spark.key.EventTimeColumn;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Locale;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.StructType;

/**
 * Makes an operator's state of what Spark keeps for it. Entries are given the time at which the operator itself would
 * have them expire.
 *
 * <p>Thread: one. Source: the stores of Spark's StateStoreSaveExec, BaseStreamingDeduplicateExec and
 * SymmetricHashJoinStateManager.
 */
final class OperatorCopy {
    private static final String AGGREGATE = "stateStoreSave";
    private static final String DEDUPLICATE = "dedupe";
    private static final String DEDUPLICATE_WITHIN_WATERMARK = "dedupeWithinWatermark";
    private static final String JOIN = "symmetricHashJoin";
    private static final String ONLY_STORE = "default";

    private final KeyedOperator operator;
    private final StoredOperator from;
    private final int keyGroupCount;
    private final SnapshotFileWriter file;

    OperatorCopy(KeyedOperator operator, StoredOperator from, int keyGroupCount, SnapshotFileWriter file) {
        this.operator = operator;
        this.from = from;
        this.keyGroupCount = keyGroupCount;
        this.file = file;
    }

    /**
     * Writes all entries, and returns how many Spark has.
     *
     * <p>Errors: UNSUPPORTED_CHECKPOINT where Spark's state is of another kind of operator, or of one whose state cannot
     * be taken over.
     */
    long write() throws IOException {
        if (operator.factory() instanceof KeyedAggregateFactory factory && from.is(AGGREGATE)) {
            return aggregate(factory);
        }
        if (operator.factory() instanceof KeyedDeduplicate.Factory factory
                && from.is(AGGREGATE, DEDUPLICATE, DEDUPLICATE_WITHIN_WATERMARK)) {
            return deduplicate(factory);
        }
        if (operator.factory() instanceof StreamJoinFactory factory && from.is(JOIN)) {
            return join(factory, Side.LEFT) + join(factory, Side.RIGHT);
        }
        throw SparkState.refused("that of its operator %d, %s, cannot become that of %s"
                .formatted(from.id(), from.name(), operator.factory().name()));
    }

    private StoreCopy copy(StateSchema schema, StoredOperator.Store store, int keyColumns, int valueColumns) {
        return new StoreCopy(file, operator.id(), schema, from, store, keyColumns, valueColumns, keyGroupCount);
    }

    private StateSchema schema(int index) {
        return operator.factory().states().get(index);
    }

    private long aggregate(KeyedAggregateFactory factory) throws IOException {
        StoredOperator.Store store = from.store(ONLY_STORE);
        Aggregate aggregate = factory.aggregates().get();
        StoreCopy copy =
                copy(schema(0), store, store.key().length(), store.value().length());
        return copy.write((key, value) -> copy.put(copy.key(), 0, copy.value(), aggregate.expiryMicros(copy.key())));
    }

    /** Of a key without value, or whose value is when it expires; {@code distinct} is an aggregation of Spark's. */
    private long deduplicate(KeyedDeduplicate.Factory factory) throws IOException {
        StoredOperator.Store store = from.store(ONLY_STORE);
        StoreCopy copy = copy(schema(0), store, store.key().length(), 0);
        if (from.is(DEDUPLICATE_WITHIN_WATERMARK)) {
            return copy.write((key, value) -> copy.put(copy.key(), 0, copy.value(), value.getLong(0)));
        }
        EventTimeColumn eventTime = ((RowIdentities) factory.identities()).keyEventTime();
        return copy.write((key, value) -> copy.put(copy.key(), 0, copy.value(), eventTime.micros(copy.key())));
    }

    /** Of a key and a number, whose value is a row and whether it had a match. */
    private long join(StreamJoinFactory factory, Side side) throws IOException {
        StoredOperator.Store store = from.store(side.name().toLowerCase(Locale.ROOT) + "-keyWithIndexToValue");
        int rowColumns = store.value().length() - 1;
        int keyColumns = store.key().length() - 1;
        if (!endsWithFlag(store.value())) {
            throw SparkState.refused(
                    "its operator %d, %s, keeps rows in format version 1 of joins".formatted(from.id(), from.name()));
        }
        Join join = factory.joins().create(0);
        JoinRow row = new JoinRow(factory.type(), side);
        StoreCopy copy = copy(schema(side.ordinal()), store, keyColumns, rowColumns);
        return copy.write((key, value) -> {
            boolean matched = value.getBoolean(rowColumns);
            if (row.isKept(matched)) {
                copy.put(
                        row.key(copy.key(), key.getLong(keyColumns)),
                        Long.BYTES,
                        row.value(copy.value(), matched),
                        join.expiryMicros(side, copy.value(), copy.key()));
            }
        });
    }

    private static boolean endsWithFlag(StructType value) {
        return !value.isEmpty() && value.apply(value.length() - 1).dataType() instanceof BooleanType;
    }

    /** A row of one side as the engine's join keeps it: {@code KeptRows} has the layout. */
    private static final class JoinRow {
        private final boolean tellsMatched;
        private final boolean dropsMatched;
        private final RowView key = new RowView();
        private final RowView value = new RowView();
        private byte[] keyBytes = new byte[64];
        private byte[] valueBytes = new byte[64];

        JoinRow(JoinType type, Side side) {
            tellsMatched = type.keepsUnmatched(side);
            dropsMatched = type == JoinType.LEFT_SEMI && side == Side.LEFT;
        }

        /** Spark leaves a row that a left semi join has given where it is. */
        boolean isKept(boolean matched) {
            return !(matched && dropsMatched);
        }

        RowView key(RowView of, long number) {
            keyBytes = copy(of, keyBytes, Long.BYTES);
            ByteBuffer.wrap(keyBytes).putLong(of.sizeBytes(), number);
            return key.pointTo(keyBytes, 0, of.sizeBytes() + Long.BYTES);
        }

        RowView value(RowView row, boolean matched) {
            if (!tellsMatched) {
                return row;
            }
            valueBytes = copy(row, valueBytes, 1);
            valueBytes[row.sizeBytes()] = (byte) (matched ? 1 : 0);
            return value.pointTo(valueBytes, 0, row.sizeBytes() + 1);
        }

        private static byte[] copy(RowView from, byte[] into, int moreBytes) {
            int needed = from.sizeBytes() + moreBytes;
            byte[] bytes = into.length < needed ? Arrays.copyOf(into, 2 * needed) : into;
            System.arraycopy(from.bytes(), from.offset(), bytes, 0, from.sizeBytes());
            return bytes;
        }
    }
}
