package dev.millrace.spark.key;

import dev.millrace.engine.operator.PerTask;
import dev.millrace.engine.operator.SessionWindows;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.fragment.Rows;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.catalyst.expressions.SessionWindow$;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;

/**
 * Keys among whose columns is a session window: a struct of start and end.
 *
 * <p>Thread: the owning task.
 */
public final class SessionKeys implements SessionWindows {
    private static final int START_FIELD = 0;
    private static final int END_FIELD = 1;
    private static final int FIELDS_OF_WINDOW = 2;

    private final int windowIndex;
    private final UnsafeRow key;
    private final UnsafeRow group;
    private final UnsafeProjection toGroup;
    private final UnsafeProjection toKey;
    private final GenericInternalRow window = new GenericInternalRow(FIELDS_OF_WINDOW);
    private final GenericInternalRow windowColumn = new GenericInternalRow(new Object[] {window});
    private final JoinedRow groupAndWindow = new JoinedRow();
    private final RowView groupView = new RowView();
    private final RowView keyView = new RowView();

    private SessionKeys(List<Attribute> keys) {
        List<Attribute> groupColumns = group(keys);
        List<Attribute> groupThenWindow = new ArrayList<>(groupColumns);
        keys.stream().filter(SessionKeys::isSessionWindow).forEach(groupThenWindow::add);
        windowIndex = keys.indexOf(groupThenWindow.get(groupThenWindow.size() - 1));
        key = new UnsafeRow(keys.size());
        group = new UnsafeRow(groupColumns.size());
        toGroup = UnsafeProjection.create(Scala.<Expression>seq(groupColumns), Scala.seq(keys));
        toKey = UnsafeProjection.create(Scala.<Expression>seq(keys), Scala.seq(groupThenWindow));
    }

    /** Makes them for each task over the columns of a key, exactly one of which is a session window. */
    public static PerTask<SessionWindows> over(List<Attribute> keys) {
        return new Over(List.copyOf(keys));
    }

    private record Over(List<Attribute> keys) implements PerTask<SessionWindows> {
        @Override
        public SessionWindows get() {
            return new SessionKeys(keys);
        }
    }

    /** Whether a column is a session window, by Spark's own mark. */
    public static boolean isSessionWindow(Attribute column) {
        String marker = SessionWindow$.MODULE$.marker();
        return column.metadata().contains(marker) && column.metadata().getBoolean(marker);
    }

    /** The columns of a key but its session window. */
    public static List<Attribute> group(List<Attribute> keys) {
        return keys.stream().filter(column -> !isSessionWindow(column)).toList();
    }

    /** Which of a key's columns the window is. */
    public int windowIndex() {
        return windowIndex;
    }

    @Override
    public long startMicros(RowView keyBytes) {
        return windowOf(keyBytes).getLong(START_FIELD);
    }

    @Override
    public long endMicros(RowView keyBytes) {
        return windowOf(keyBytes).getLong(END_FIELD);
    }

    private UnsafeRow windowOf(RowView keyBytes) {
        return Rows.point(key, keyBytes).getStruct(windowIndex, FIELDS_OF_WINDOW);
    }

    @Override
    public RowView group(RowView keyBytes) {
        return Rows.point(groupView, toGroup.apply(Rows.point(key, keyBytes)));
    }

    @Override
    public RowView key(RowView groupBytes, long startMicros, long endMicros) {
        window.update(START_FIELD, startMicros);
        window.update(END_FIELD, endMicros);
        return Rows.point(keyView, toKey.apply(groupAndWindow.apply(Rows.point(group, groupBytes), windowColumn)));
    }
}
