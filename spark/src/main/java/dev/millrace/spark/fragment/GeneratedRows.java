package dev.millrace.spark.fragment;

import dev.millrace.engine.operator.Output;
import java.io.IOException;
import java.util.Objects;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.execution.BufferedRowIterator;
import org.jspecify.annotations.Nullable;

/**
 * What the code that Spark generated for a whole stage extends here: a row goes to the output as it is
 * made, and the code's own loop runs on over the input until that is dry or the output full. Rows that an
 * input row gives beyond that wait in the iterator. FusedFragmentBenchmark asked for it: with a row
 * at a time through the iterator it did half as many.
 *
 * <p>Public for the generated code. Thread: the owning task. Source: Spark's BufferedRowIterator.
 */
public abstract class GeneratedRows extends BufferedRowIterator {
    private @Nullable Output output;
    private boolean stopped;

    /** Runs the input through; false when the output was full before its end. */
    final boolean run(Output to) throws IOException {
        output = to;
        do {
            while (!currentRows.isEmpty()) {
                if (to.isFull()) {
                    return false;
                }
                Rows.emit((UnsafeRow) currentRows.remove(), to);
            }
            if (to.isFull()) {
                return false;
            }
            stopped = false;
            processNext();
        } while (stopped || !currentRows.isEmpty());
        return true;
    }

    /** Takes a row that the generated code made, and may make another in place of once this returns. */
    @Override
    public final void append(InternalRow row) {
        Output to = Objects.requireNonNull(output);
        if (currentRows.isEmpty() && !to.isFull()) {
            Rows.emit((UnsafeRow) row, to);
        } else {
            super.append(row);
        }
    }

    /** Whether the generated code is to leave its loop; asked behind each input row that gave rows. */
    @Override
    public final boolean shouldStop() {
        stopped = !currentRows.isEmpty() || Objects.requireNonNull(output).isFull();
        return stopped;
    }
}
