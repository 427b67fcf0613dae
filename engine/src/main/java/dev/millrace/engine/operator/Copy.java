package dev.millrace.engine.operator;

import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;

/** Passes every row on by copying it: the end of a chain that has no operator to do so. */
public final class Copy implements Operator {
    private final RowView row = new RowView();

    @Override
    public boolean process(RowCursor rows, Output output) {
        while (rows.hasRow()) {
            if (output.isFull()) {
                return false;
            }
            rows.row(row);
            output.emit(row.bytes(), row.offset(), row.sizeBytes());
            rows.advance();
        }
        return true;
    }
}
