package dev.millrace.spark.plan;

import dev.millrace.engine.exchange.KeyGroupFunction;
import dev.millrace.engine.exchange.Modulus;
import dev.millrace.engine.operator.PerTask;
import dev.millrace.spark.fragment.TaskCopies;
import dev.millrace.spark.scala.Scala;
import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.plans.physical.HashPartitioning;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.TimestampNTZType;
import org.apache.spark.sql.types.TimestampType;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.unsafe.hash.Murmur3_x86_32;

/**
 * Finds the key group of a row as Spark finds a row's shuffle partition, so that state stays where
 * Spark's own would be.
 *
 * <p>Thread: any; what is made belongs to one task.
 */
public final class HashKeyGroups implements PerTask<KeyGroupFunction> {
    private static final long serialVersionUID = 1L;

    /** Spark's, of every hash that partitions rows. */
    private static final int SEED = 42;

    private final TaskCopies<Specification> specifications;

    private record Specification(List<Expression> keys, List<Attribute> input, int keyGroupCount)
            implements Serializable {}

    public HashKeyGroups(List<Expression> keys, List<Attribute> input, int keyGroupCount) {
        this.specifications = TaskCopies.of(new Specification(List.copyOf(keys), List.copyOf(input), keyGroupCount));
    }

    @Override
    public KeyGroupFunction get() {
        Specification specification = specifications.copy();
        int longIndex = indexOfOnlyLong(specification);
        return longIndex >= 0
                ? new OfLong(longIndex, specification.input().size(), specification.keyGroupCount())
                : new OfExpressions(specification);
    }

    /** Where the only key stands in the row, if it is a column of 8 bytes; else -1. */
    private static int indexOfOnlyLong(Specification specification) {
        if (specification.keys().size() == 1 && specification.keys().get(0) instanceof Attribute key) {
            DataType type = key.dataType();
            if (type instanceof LongType || type instanceof TimestampType || type instanceof TimestampNTZType) {
                for (int i = 0; i < specification.input().size(); i++) {
                    if (specification.input().get(i).exprId().equals(key.exprId())) {
                        return i;
                    }
                }
            }
        }
        return -1;
    }

    /** By Spark's own expression over any keys. */
    private static final class OfExpressions implements KeyGroupFunction {
        private final UnsafeRow row;
        private final UnsafeProjection projection;

        OfExpressions(Specification specification) {
            row = new UnsafeRow(specification.input().size());
            Expression keyGroup = new HashPartitioning(Scala.seq(specification.keys()), specification.keyGroupCount())
                    .partitionIdExpression();
            projection = UnsafeProjection.create(Scala.<Expression>seq(keyGroup), Scala.seq(specification.input()));
            projection.initialize(0);
        }

        @Override
        public int keyGroup(byte[] bytes, int offset, int sizeBytes) {
            row.pointTo(bytes, Platform.BYTE_ARRAY_OFFSET + (long) offset, sizeBytes);
            return projection.apply(row).getInt(0);
        }
    }

    /** The same for one column of 8 bytes, read where it lies. */
    private static final class OfLong implements KeyGroupFunction {
        private final long nullOffset;
        private final long nullMask;
        private final long valueOffset;
        private final Modulus keyGroups;

        OfLong(int index, int fieldCount, int keyGroupCount) {
            nullOffset = Platform.BYTE_ARRAY_OFFSET + (index >> 6) * 8L;
            nullMask = 1L << (index & 63);
            valueOffset = Platform.BYTE_ARRAY_OFFSET + UnsafeRow.calculateBitSetWidthInBytes(fieldCount) + index * 8L;
            keyGroups = new Modulus(keyGroupCount);
        }

        @Override
        public int keyGroup(byte[] bytes, int offset, int sizeBytes) {
            boolean isNull = (Platform.getLong(bytes, nullOffset + offset) & nullMask) != 0;
            int hash = isNull ? SEED : Murmur3_x86_32.hashLong(Platform.getLong(bytes, valueOffset + offset), SEED);
            return keyGroups.remainder(hash);
        }
    }
}
