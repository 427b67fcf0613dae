package dev.millrace.spark.migration;

import static dev.millrace.engine.state.EntryTable.NEVER;

import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.operator.SessionAggregate;
import dev.millrace.engine.operator.StoredSessions;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.key.SessionKeys;
import java.io.IOException;
import java.util.Arrays;
import org.apache.spark.sql.catalyst.InternalRow;

/**
 * Makes one entry for each group of the sessions that Spark keeps each by itself: of a key of the group's columns and
 * the session's start, whose value is all columns of the group, the window among them, and the buffers behind them.
 *
 * <p>Thread: one. Memory: the sessions of one group. Source: Spark's StreamingSessionWindowStateManager.
 */
final class SessionCopy {
    private static final int KEY = 0;
    private static final int VALUE = 1;
    private static final int START = 0;
    private static final int END = 1;

    private final StoredOperator.Store store;
    private final StoredColumns group;
    private final StoredColumns buffer;
    private final StoredColumns window;
    private final StoreCopy copy;
    private final boolean expires;
    private final StoredSessions.Writer sessions = new StoredSessions.Writer();
    private final RowView openGroup = new RowView();
    private boolean isOpen;
    private long firstEndMicros;

    SessionCopy(Transfer transfer, SessionAggregate.Factory factory) {
        this.store = transfer.from().store().sorted("key"); // a group's sessions together, by their starts
        StoredColumns key = StoredColumns.at(store.type(), KEY);
        SessionKeys keys = (SessionKeys) factory.windows().get();
        this.group = key.first(key.count() - 1);
        this.window = StoredColumns.at(store.type(), VALUE, keys.windowIndex());
        this.buffer = StoredColumns.at(store.type(), VALUE).from(key.count());
        this.copy = transfer.into(transfer.schema(0), group.type(), buffer.type());
        this.expires = factory.emission() == Emission.AT_EXPIRY;
    }

    /** Writes all groups, and returns how many sessions Spark has. */
    long write() throws IOException {
        return copy.write(store, this::take, this::putOpen);
    }

    private void take(InternalRow row) {
        RowView key = group.of(row);
        if (!isOpen || !isOpenGroup(key)) {
            putOpen();
            byte[] bytes = Arrays.copyOfRange(key.bytes(), key.offset(), key.offset() + key.sizeBytes());
            openGroup.pointTo(bytes, 0, bytes.length);
            firstEndMicros = window.longAt(row, END);
            isOpen = true;
        }
        sessions.add(window.longAt(row, START), window.longAt(row, END), buffer.of(row));
    }

    private boolean isOpenGroup(RowView key) {
        return Arrays.equals(
                openGroup.bytes(), 0, openGroup.sizeBytes(), key.bytes(), key.offset(), key.offset() + key.sizeBytes());
    }

    private void putOpen() {
        if (isOpen) {
            copy.put(openGroup, sessions.sessions(), expires ? firstEndMicros : NEVER);
        }
        sessions.clear();
        isOpen = false;
    }
}
