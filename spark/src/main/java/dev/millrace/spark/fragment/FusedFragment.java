package dev.millrace.spark.fragment;

import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.Output;
import dev.millrace.engine.page.RowCursor;
import java.io.IOException;
import java.util.Objects;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.expressions.codegen.CodeAndComment;
import org.apache.spark.sql.catalyst.expressions.codegen.CodeGenerator;
import org.apache.spark.sql.execution.BufferedRowIterator;
import org.jspecify.annotations.Nullable;
import scala.collection.Iterator;

/**
 * Drives the code that Spark generated for a whole stage, row by row, over an input that runs dry and
 * is filled again. Right only for plans of operators that take this; see {@link FusedCode}.
 *
 * <p>An input row may give many rows. They wait in Spark's iterator while the output is full, and the
 * next call goes on with them: {@code hasNext} touches the input only when none waits.
 *
 * <p>Thread: the owning task.
 */
public final class FusedFragment implements Operator {
    private final FusedCode code;
    private final FragmentInput input;
    private @Nullable BufferedRowIterator iterator;
    private Clock.@Nullable Tick tick;

    FusedFragment(FusedCode code) {
        this.code = code;
        this.input = new FragmentInput(code.inputFieldCount());
    }

    /** Makes one fragment per task. */
    public record Factory(FusedCode code, String name) implements OperatorFactory {
        @Override
        public Operator create() {
            return new FusedFragment(code);
        }
    }

    @Override
    public void open(OperatorContext context) {
        CodeAndComment source = code.source();
        BufferedRowIterator opened = (BufferedRowIterator)
                CodeGenerator.compile(source)._1().generate(code.references().copy());
        @SuppressWarnings({"unchecked", "rawtypes"})
        Iterator<InternalRow>[] inputs = new Iterator[] {input};
        opened.init(context.taskIndex(), inputs);
        iterator = opened;
        tick = Clock.tick();
    }

    @Override
    public boolean process(RowCursor rows, Output output) throws IOException {
        BufferedRowIterator opened = Objects.requireNonNull(iterator);
        Objects.requireNonNull(tick).advance();
        input.pointTo(rows);
        while (!output.isFull()) {
            if (!opened.hasNext()) {
                return true;
            }
            Rows.emit((UnsafeRow) opened.next(), output);
        }
        return false;
    }
}
