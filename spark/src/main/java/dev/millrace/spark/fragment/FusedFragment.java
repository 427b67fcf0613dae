package dev.millrace.spark.fragment;

import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.Output;
import dev.millrace.engine.page.RowCursor;
import java.io.IOException;
import java.util.Objects;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.codegen.CodeGenerator;
import org.jspecify.annotations.Nullable;
import scala.collection.Iterator;

/**
 * Drives the code that Spark generated for a whole stage over an input that runs dry and is filled
 * again. Right only for plans of operators that take this; see {@link FusedCode}.
 *
 * <p>Thread: the owning task.
 */
public final class FusedFragment implements Operator {
    private final FusedCode code;
    private final FragmentInput input;
    private @Nullable GeneratedRows generated;
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
        GeneratedRows opened = (GeneratedRows) CodeGenerator.compile(code.source())
                ._1()
                .generate(code.references().copy());
        @SuppressWarnings({"unchecked", "rawtypes"})
        Iterator<InternalRow>[] inputs = new Iterator[] {input};
        opened.init(context.taskIndex(), inputs);
        generated = opened;
        tick = Clock.tick();
    }

    @Override
    public boolean process(RowCursor rows, Output output) throws IOException {
        Objects.requireNonNull(tick).advance();
        input.pointTo(rows);
        return Objects.requireNonNull(generated).run(output);
    }
}
