package dev.millrace.spark.join;

import dev.millrace.engine.operator.EventTimeExtractor;
import dev.millrace.engine.operator.Join;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import dev.millrace.spark.fragment.Clock;
import dev.millrace.spark.fragment.Rows;
import dev.millrace.spark.fragment.TaskCopies;
import dev.millrace.spark.key.EventTimeColumn;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.BasePredicate;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.catalyst.expressions.Predicate$;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.expressions.codegen.GenerateUnsafeRowJoiner;
import org.apache.spark.sql.catalyst.expressions.codegen.UnsafeRowJoiner;
import org.apache.spark.sql.catalyst.types.DataTypeUtils;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import scala.collection.immutable.Seq;

/**
 * A join's expressions as Spark's generated code.
 *
 * <p>Thread: the owning task.
 */
public final class JoinExpressions implements Join {
    private final OneSide left;
    private final OneSide right;
    private final UnsafeRow key;
    private final @Nullable BasePredicate condition;
    private final JoinedRow both = new JoinedRow();
    private final UnsafeRowJoiner joiner;
    private final boolean movesWithTime;
    private final RowView keyView = new RowView();
    private final RowView result = new RowView();

    /** Makes the expressions of each task from a copy of its own. */
    public static final class Factory implements Join.Factory {
        private static final long serialVersionUID = 1L;

        private final TaskCopies<JoinSpecification> specifications;

        /** Errors: Spark's own where an expression cannot be serialized. */
        public Factory(JoinSpecification specification) {
            this.specifications = TaskCopies.of(specification);
        }

        @Override
        public Join create(int taskIndex) {
            return new JoinExpressions(specifications.copy(), taskIndex);
        }
    }

    private static final class OneSide {
        final UnsafeRow row;
        final UnsafeProjection keys;
        final @Nullable BasePredicate condition;
        final @Nullable EventTimeColumn eventTime;
        final RowExpiry expiry;
        final StructType schema;
        /** What stands in the place of a row that is missing. */
        final UnsafeRow nulls;

        OneSide(JoinSpecification.OneSide from, int taskIndex) {
            Seq<Attribute> input = Scala.seq(from.input());
            int fieldCount = from.input().size();
            row = new UnsafeRow(fieldCount);
            keys = UnsafeProjection.create(Scala.<Expression>seq(from.keys()), input);
            keys.initialize(taskIndex);
            condition = predicate(from.condition(), from.input(), taskIndex);
            eventTime = from.eventTime();
            expiry = from.expiry();
            schema = DataTypeUtils.fromAttributes(input);
            nulls = UnsafeProjection.create(schema)
                    .apply(new GenericInternalRow(fieldCount))
                    .copy();
        }
    }

    private JoinExpressions(JoinSpecification specification, int taskIndex) {
        left = new OneSide(specification.left(), taskIndex);
        right = new OneSide(specification.right(), taskIndex);
        key = new UnsafeRow(specification.left().keys().size());
        List<Attribute> columns = new ArrayList<>(specification.left().input());
        columns.addAll(specification.right().input());
        condition = predicate(specification.condition(), columns, taskIndex);
        joiner = GenerateUnsafeRowJoiner.create(left.schema, right.schema);
        movesWithTime = Clock.isReadBy(specification.condition())
                || Clock.isReadBy(specification.left().condition())
                || Clock.isReadBy(specification.right().condition());
    }

    private static @Nullable BasePredicate predicate(
            @Nullable Expression condition, List<Attribute> input, int taskIndex) {
        if (condition == null) {
            return null;
        }
        BasePredicate predicate = Predicate$.MODULE$.create(condition, Scala.seq(input));
        predicate.initialize(taskIndex);
        return predicate;
    }

    private OneSide of(Side side) {
        return side == Side.LEFT ? left : right;
    }

    @Override
    public long eventTimeMicros(Side side, RowView row) {
        EventTimeColumn eventTime = of(side).eventTime;
        long micros = eventTime == null ? EventTimeColumn.NONE : eventTime.micros(row);
        return micros == EventTimeColumn.NONE ? EventTimeExtractor.NO_EVENT_TIME : micros;
    }

    @Override
    public boolean mayMatch(Side side, RowView row) {
        if (movesWithTime) {
            Clock.advance();
        }
        OneSide own = of(side);
        return own.condition == null || own.condition.eval(Rows.point(own.row, row));
    }

    @Override
    public RowView key(Side side, RowView row) {
        OneSide own = of(side);
        return Rows.point(keyView, own.keys.apply(Rows.point(own.row, row)));
    }

    @Override
    public boolean isNullKey(RowView of) {
        return Rows.point(key, of).anyNull();
    }

    @Override
    public long expiryMicros(Side side, RowView row, RowView of) {
        OneSide own = of(side);
        return own.expiry.micros(Rows.point(own.row, row), Rows.point(key, of));
    }

    @Override
    public boolean matches(RowView leftRow, RowView rightRow) {
        return condition == null
                || condition.eval(both.apply(Rows.point(left.row, leftRow), Rows.point(right.row, rightRow)));
    }

    @Override
    public RowView joined(RowView leftRow, RowView rightRow) {
        return joined(Rows.point(left.row, leftRow), Rows.point(right.row, rightRow));
    }

    @Override
    public RowView unmatched(Side side, RowView row) {
        return side == Side.LEFT
                ? joined(Rows.point(left.row, row), right.nulls)
                : joined(left.nulls, Rows.point(right.row, row));
    }

    private RowView joined(UnsafeRow leftRow, UnsafeRow rightRow) {
        return Rows.point(result, joiner.join(leftRow, rightRow));
    }
}
