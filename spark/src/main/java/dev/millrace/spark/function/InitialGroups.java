package dev.millrace.spark.function;

import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.fragment.Rows;
import dev.millrace.spark.key.KeyReader;
import dev.millrace.spark.scala.Scala;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
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
    private final Map<ByteBuffer, Key> toCall = new LinkedHashMap<>();
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
        byte[] bytes = key.toBytes();
        toCall.put(ByteBuffer.wrap(bytes), new Key(keyGroup, new RowView().pointTo(bytes, 0, bytes.length)));
    }

    /** A key was called for its rows, and need not be for its state alone. */
    void called(RowView key) {
        if (!toCall.isEmpty()) {
            toCall.remove(ByteBuffer.wrap(key.bytes(), key.offset(), key.sizeBytes()));
        }
    }

    /** The next key to call for, or null. */
    @Nullable
    Key nextCall() {
        Iterator<Key> keys = toCall.values().iterator();
        if (!keys.hasNext()) {
            return null;
        }
        Key next = keys.next();
        keys.remove();
        return next;
    }
}
