package dev.millrace.spark.fragment;

import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.unsafe.Platform;
import scala.collection.AbstractIterator;

/**
 * The input that generated code pulls from: one reused row that is moved over a page. It runs dry at
 * the page's end and goes on with the next one.
 *
 * <p>Thread: the owning task. Lifetime: a row is valid while its page is.
 */
final class FragmentInput extends AbstractIterator<InternalRow> {
    private final UnsafeRow row;
    private final RowView view = new RowView();
    private RowCursor cursor = new RowCursor();

    FragmentInput(int fieldCount) {
        row = new UnsafeRow(fieldCount);
    }

    void pointTo(RowCursor rows) {
        cursor = rows;
    }

    @Override
    public boolean hasNext() {
        return cursor.hasRow();
    }

    @Override
    public InternalRow next() {
        cursor.row(view);
        row.pointTo(view.bytes(), Platform.BYTE_ARRAY_OFFSET + (long) view.offset(), view.sizeBytes());
        cursor.advance();
        return row;
    }
}
