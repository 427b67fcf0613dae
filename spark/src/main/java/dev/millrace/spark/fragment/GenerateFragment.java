package dev.millrace.spark.fragment;

import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.Output;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.scala.Scala;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.BindReferences;
import org.apache.spark.sql.catalyst.expressions.CollectionGenerator;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Generator;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.catalyst.expressions.JsonTuple;
import org.apache.spark.sql.catalyst.expressions.Nondeterministic;
import org.apache.spark.sql.catalyst.expressions.Stack;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.expressions.package$;
import org.apache.spark.sql.execution.GenerateExec;
import org.jspecify.annotations.Nullable;
import scala.collection.Iterator;
import scala.runtime.BoxedUnit;

/**
 * Makes many rows of one without whole-stage code, such as {@code explode(from_json(..))}. Spark's own
 * iterator for it ends for good when its input runs dry, so it is not used.
 *
 * <p>Thread: the owning task. Source: Spark's GenerateExec.
 */
public final class GenerateFragment implements Operator {
    /**
     * What is generated.
     *
     * @param kept the columns of the input row that stand before the generated ones
     * @param isOuter whether a row that gives none passes with nulls
     */
    public record Specification(
            Generator generator,
            List<Attribute> kept,
            boolean isOuter,
            List<Attribute> generated,
            List<Attribute> input)
            implements Serializable {
        public static Specification of(GenerateExec node) {
            return new Specification(
                    node.generator(),
                    Scala.list(node.requiredChildOutput()),
                    node.outer(),
                    Scala.list(node.generatorOutput()),
                    Scala.list(node.child().output()));
        }
    }

    private final TaskCopies<Specification> specification;
    private final RowView view = new RowView();
    private @Nullable Opened opened;

    /** What one task works with. Thread: the owning task. */
    private static final class Opened {
        final Generator generator;
        final boolean isOuter;
        final UnsafeRow input;
        final UnsafeProjection kept;
        final UnsafeProjection result;
        final JoinedRow joined = new JoinedRow();
        final InternalRow nulls;
        final Clock.Tick tick = Clock.tick();
        /** The rest of what the current row gives, or null when it was not begun. */
        @Nullable
        Iterator<InternalRow> pending;

        Opened(Specification from, int taskIndex) {
            Expression bound = BindReferences.bindReference(
                    Scala.<Expression>cast(from.generator()),
                    package$.MODULE$.AttributeSeq(Scala.seq(from.input())),
                    false);
            bound.foreach(node -> {
                if (node instanceof Nondeterministic random) {
                    random.initialize(taskIndex);
                }
                return BoxedUnit.UNIT;
            });
            generator = Scala.cast(bound);
            isOuter = from.isOuter();
            input = new UnsafeRow(from.input().size());
            kept = UnsafeProjection.create(Scala.<Expression>seq(from.kept()), Scala.seq(from.input()));
            List<Attribute> output = new ArrayList<>(from.kept());
            output.addAll(from.generated());
            result = UnsafeProjection.create(Scala.<Expression>seq(output), Scala.seq(output));
            nulls = new GenericInternalRow(from.generator().elementSchema().length());
        }
    }

    GenerateFragment(TaskCopies<Specification> specification) {
        this.specification = specification;
    }

    /** Makes one fragment per task. */
    public record Factory(TaskCopies<Specification> specification, String name) implements OperatorFactory {
        @Override
        public Operator create() {
            return new GenerateFragment(specification);
        }
    }

    /** Whether a generator gives all rows of an input row at once, and none at the end. */
    public static boolean runs(Generator generator) {
        return generator instanceof CollectionGenerator || generator instanceof Stack || generator instanceof JsonTuple;
    }

    @Override
    public void open(OperatorContext context) {
        opened = new Opened(specification.copy(), context.taskIndex());
    }

    @Override
    public boolean process(RowCursor rows, Output output) {
        Opened task = Objects.requireNonNull(opened);
        task.tick.advance();
        while (rows.hasRow()) {
            Iterator<InternalRow> pending = task.pending == null ? begin(task, rows) : task.pending;
            while (pending.hasNext()) {
                if (output.isFull()) {
                    return false;
                }
                Rows.emit(task.result.apply(task.joined.withRight(pending.next())), output);
            }
            task.pending = null;
            rows.advance();
        }
        return true;
    }

    private Iterator<InternalRow> begin(Opened task, RowCursor rows) {
        UnsafeRow input = Rows.point(task.input, rows.row(view));
        task.joined.withLeft(task.kept.apply(input));
        Iterator<InternalRow> generated = task.generator.eval(input).iterator();
        if (task.isOuter && !generated.hasNext()) {
            generated = Scala.<InternalRow>seq(task.nulls).iterator();
        }
        task.pending = generated;
        return generated;
    }
}
