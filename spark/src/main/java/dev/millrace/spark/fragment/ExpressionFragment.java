package dev.millrace.spark.fragment;

import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.Output;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.scala.Scala;
import java.io.Serializable;
import java.util.List;
import java.util.Objects;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.BasePredicate;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Predicate$;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.jspecify.annotations.Nullable;

/**
 * Filters and projections without whole-stage code: each row goes through the steps in their order.
 *
 * <p>Thread: the owning task.
 */
public final class ExpressionFragment implements Operator {
    /** One step, over the columns that it sees. */
    public sealed interface Step extends Serializable {
        List<Attribute> input();

        /** Drops the rows of which the condition is not true. */
        record Filter(Expression condition, List<Attribute> input) implements Step {}

        /** Makes a row of expressions. */
        record Project(List<Expression> expressions, List<Attribute> input) implements Step {}
    }

    private final TaskCopies<List<Step>> steps;
    private final RowView view = new RowView();
    private @Nullable BasePredicate[] filters = {};
    private @Nullable UnsafeProjection[] projections = {};
    private @Nullable UnsafeRow inputRow;
    private Clock.@Nullable Tick tick;

    ExpressionFragment(TaskCopies<List<Step>> steps) {
        this.steps = steps;
    }

    /** Makes one fragment per task. */
    public record Factory(TaskCopies<List<Step>> steps, String name) implements OperatorFactory {
        @Override
        public Operator create() {
            return new ExpressionFragment(steps);
        }
    }

    @Override
    public void open(OperatorContext context) {
        List<Step> own = steps.copy();
        filters = new BasePredicate[own.size()];
        projections = new UnsafeProjection[own.size()];
        for (int i = 0; i < own.size(); i++) {
            if (own.get(i) instanceof Step.Filter filter) {
                BasePredicate predicate = Predicate$.MODULE$.create(filter.condition(), Scala.seq(filter.input()));
                predicate.initialize(context.taskIndex());
                filters[i] = predicate;
            } else if (own.get(i) instanceof Step.Project project) {
                UnsafeProjection projection =
                        UnsafeProjection.create(Scala.seq(project.expressions()), Scala.seq(project.input()));
                projection.initialize(context.taskIndex());
                projections[i] = projection;
            }
        }
        inputRow = new UnsafeRow(own.get(0).input().size());
        tick = Clock.tick();
    }

    @Override
    public boolean process(RowCursor rows, Output output) {
        UnsafeRow input = Objects.requireNonNull(inputRow);
        Objects.requireNonNull(tick).advance();
        while (rows.hasRow()) {
            if (output.isFull()) {
                return false;
            }
            UnsafeRow result = pass(Rows.point(input, rows.row(view)));
            if (result != null) {
                Rows.emit(result, output);
            }
            rows.advance();
        }
        return true;
    }

    private @Nullable UnsafeRow pass(UnsafeRow input) {
        UnsafeRow row = input;
        for (int i = 0; i < projections.length; i++) {
            BasePredicate filter = filters[i];
            if (filter != null) {
                if (!filter.eval(row)) {
                    return null;
                }
            } else {
                row = Objects.requireNonNull(projections[i]).apply(row);
            }
        }
        return row;
    }
}
