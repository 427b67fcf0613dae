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
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.expressions.codegen.GenerateUnsafeRowJoiner$;
import org.apache.spark.sql.catalyst.expressions.codegen.UnsafeRowJoiner;
import org.apache.spark.sql.execution.AppendColumnsExec;
import org.apache.spark.sql.execution.ObjectOperator$;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import scala.Function1;
import scala.collection.immutable.Seq;

/**
 * Appends to each row what the user's function makes of it: the key of {@code groupByKey}.
 *
 * <p>Thread: the owning task. Source: Spark's AppendColumnsExec.
 */
public final class AppendColumnsFragment implements Operator {
    /**
     * What is appended.
     *
     * @param deserializer makes the function's argument of the input's columns
     * @param serializer makes columns of the function's result
     */
    public record Specification(
            Function1<Object, Object> function,
            Expression deserializer,
            List<NamedExpression> serializer,
            List<Attribute> input,
            StructType inputSchema,
            StructType outputSchema)
            implements Serializable {
        public static Specification of(AppendColumnsExec node) {
            return new Specification(
                    node.func(),
                    node.deserializer(),
                    Scala.list(Scala.<Seq<NamedExpression>>cast(node.serializer())),
                    Scala.list(node.child().output()),
                    node.child().schema(),
                    node.schema());
        }

        private StructType appendedSchema() {
            StructType appended = new StructType();
            for (int i = inputSchema.length(); i < outputSchema.length(); i++) {
                appended = appended.add(outputSchema.apply(i));
            }
            return appended;
        }
    }

    private final TaskCopies<Specification> specification;
    private final RowView view = new RowView();
    private @Nullable Opened opened;

    /** What one task works with. Thread: the owning task. */
    private static final class Opened {
        final Function1<Object, Object> function;
        final UnsafeRow input;
        final Function1<InternalRow, Object> argument;
        final Function1<Object, UnsafeRow> columns;
        final UnsafeRowJoiner joiner;
        final Clock.Tick tick = Clock.tick();

        Opened(Specification from) {
            function = from.function();
            input = new UnsafeRow(from.input().size());
            argument = ObjectOperator$.MODULE$.deserializeRowToObject(from.deserializer(), Scala.seq(from.input()));
            columns = ObjectOperator$.MODULE$.serializeObjectToRow(Scala.cast(Scala.seq(from.serializer())));
            joiner = GenerateUnsafeRowJoiner$.MODULE$.create(from.inputSchema(), from.appendedSchema());
        }
    }

    AppendColumnsFragment(TaskCopies<Specification> specification) {
        this.specification = specification;
    }

    /** Makes one fragment per task. */
    public record Factory(TaskCopies<Specification> specification, String name) implements OperatorFactory {
        @Override
        public Operator create() {
            return new AppendColumnsFragment(specification);
        }
    }

    @Override
    public void open(OperatorContext context) {
        opened = new Opened(specification.copy());
    }

    @Override
    public boolean process(RowCursor rows, Output output) {
        Opened task = Objects.requireNonNull(opened);
        task.tick.advance();
        while (rows.hasRow()) {
            if (output.isFull()) {
                return false;
            }
            UnsafeRow input = Rows.point(task.input, rows.row(view));
            UnsafeRow columns = task.columns.apply(task.function.apply(task.argument.apply(input)));
            Rows.emit(task.joiner.join(input, columns), output);
            rows.advance();
        }
        return true;
    }
}
