package dev.millrace.spark.function;

import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.fragment.Rows;
import dev.millrace.spark.key.KeyReader;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayDeque;
import java.util.Deque;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.execution.ObjectOperator$;
import org.jspecify.annotations.Nullable;
import scala.Function1;

/**
 * Reads the state to begin with, as one task owns it, and remembers the keys to call for.
 *
 * <p>Thread: the owning task.
 */
final class InitialGroups {
    /** A key to call for. */
    record Key(int keyGroup, RowView bytes) {}

    /** Takes a key's state. */
    @FunctionalInterface
    interface Reader {
        void state(int keyGroup, RowView key, Object state);
    }

    private final InitialRows rows;
    private final Function1<InternalRow, Object> states;
    private final KeyReader keys;
    private final UnsafeRow row;
    private final Deque<Key> toCall = new ArrayDeque<>();
    private boolean isRead;

    InitialGroups(InitialColumns columns, InitialRows rows) {
        this.rows = rows;
        this.states =
                ObjectOperator$.MODULE$.deserializeRowToObject(columns.deserializer(), Scala.seq(columns.columns()));
        this.keys = KeyReader.of(columns.grouping(), columns.columns());
        this.row = new UnsafeRow(columns.columns().size());
    }

    /** Reads all rows, the first time it is called. */
    void read(OperatorContext context, Reader reader) {
        if (isRead) {
            return;
        }
        isRead = true;
        rows.read(context, (keyGroup, bytes) -> {
            RowView key = keys.key(bytes);
            reader.state(keyGroup, key, states.apply(Rows.point(row, bytes)));
        });
    }

    /** Remembers to call for a key. */
    void callLater(int keyGroup, RowView key) {
        toCall.add(new Key(keyGroup, new RowView().pointTo(key.toBytes(), 0, key.sizeBytes())));
    }

    /** The next key to call for, or null. */
    @Nullable
    Key nextCall() {
        return toCall.poll();
    }
}
