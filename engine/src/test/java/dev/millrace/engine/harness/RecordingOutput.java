package dev.millrace.engine.harness;

import dev.millrace.engine.operator.Output;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Keeps a copy of every row. Says that it is full as often as asked for, and fails a row that was not
 * preceded by the question.
 */
public final class RecordingOutput implements Output {
    private final List<byte[]> rows = new ArrayList<>();
    private final boolean fullEveryOtherCall;
    private boolean full;
    private boolean mayEmit;

    public RecordingOutput(boolean fullEveryOtherCall) {
        this.fullEveryOtherCall = fullEveryOtherCall;
    }

    @Override
    public boolean isFull() {
        full = fullEveryOtherCall && !full;
        mayEmit = !full;
        return full;
    }

    @Override
    public void emit(byte[] bytes, int offset, int sizeBytes) {
        if (!mayEmit) {
            throw new AssertionError(
                    "A row was emitted without asking whether the output is full, rows=" + rows.size());
        }
        mayEmit = false;
        rows.add(Arrays.copyOfRange(bytes, offset, offset + sizeBytes));
    }

    public List<byte[]> rows() {
        return rows;
    }
}
