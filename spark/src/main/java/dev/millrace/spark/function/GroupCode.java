package dev.millrace.spark.function;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.operator.GroupRows;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.fragment.Rows;
import dev.millrace.spark.key.KeyReader;
import java.util.NoSuchElementException;
import java.util.Objects;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.jspecify.annotations.Nullable;
import scala.Function1;
import scala.collection.AbstractIterator;
import scala.collection.Iterator;

/**
 * The user's code of one task, and the call of it that is under way: objects go in and come out as the
 * code asks for them and is asked for more, and rows stand at both ends.
 *
 * <p>Thread: the owning task. Errors: USER_CODE naming operator and key where the code threw.
 */
final class GroupCode {
    /** No rows, as for a key that timed out. */
    static final GroupRows NO_ROWS = new GroupRows() {
        @Override
        public boolean hasNext() {
            return false;
        }

        @Override
        public RowView next() {
            throw new NoSuchElementException("there are no rows");
        }
    };

    private final String operator;
    private final KeyReader keys;
    private final Function1<InternalRow, Object> keyObjects;
    private final Function1<InternalRow, Object> valueObjects;
    private final TypedGroups.Results results;
    private final CurrentGroup group;
    private final UnsafeRow keyRow;
    private final UnsafeRow inputRow;
    private final RowView result = new RowView();
    private @Nullable Iterator<Object> given;

    /**
     * @param operator what users call it
     * @param group the key that calls are for
     */
    GroupCode(String operator, TypedGroups typed, CurrentGroup group) {
        this.operator = operator;
        this.group = group;
        keys = KeyReader.of(typed.grouping(), typed.input());
        keyObjects = typed.keys();
        valueObjects = typed.values();
        results = typed.results();
        keyRow = new UnsafeRow(typed.grouping().size());
        inputRow = new UnsafeRow(typed.input().size());
    }

    /** The user's code as a call of it. */
    @FunctionalInterface
    interface Call {
        Iterator<Object> apply(@Nullable Object key, Iterator<Object> values);
    }

    /** The key of a row that came in. */
    RowView keyOf(RowView row) {
        return keys.key(row);
    }

    /** The current key as an object of the user's. */
    @Nullable
    Object keyObject() {
        return keyObjects.apply(Rows.point(keyRow, group.key()));
    }

    /** Begins a call for the current key. */
    void begin(GroupRows rows, Call call) {
        try {
            given = call.apply(keyObject(), new Values(rows));
        } catch (Exception e) {
            throw failure(e);
        }
    }

    /** Runs code of the user's that gives no rows. */
    void run(Runnable body) {
        try {
            body.run();
        } catch (Exception e) {
            throw failure(e);
        }
    }

    /** The next row that the call gives, or null at its end. */
    @Nullable
    RowView next() {
        Iterator<Object> from = Objects.requireNonNull(given, "no call is under way");
        try {
            if (from.hasNext()) {
                return Rows.point(result, results.row(from.next()));
            }
        } catch (Exception e) {
            throw failure(e);
        }
        given = null;
        return null;
    }

    /** What a call ends with whose code threw. */
    MillraceException failure(Exception cause) {
        if (cause instanceof MillraceException own) {
            return own;
        }
        String where = group.isOpen() ? "%s, key=%s".formatted(operator, keyObject()) : operator;
        return new MillraceException(
                ErrorCode.USER_CODE,
                "Cannot run the user's code: operator=%s, error=%s. Look at the code and at what it is given."
                        .formatted(where, cause),
                cause);
    }

    /** The values of a key's rows. */
    private final class Values extends AbstractIterator<Object> {
        private final GroupRows rows;

        Values(GroupRows rows) {
            this.rows = rows;
        }

        @Override
        public boolean hasNext() {
            return rows.hasNext();
        }

        @Override
        public Object next() {
            return valueObjects.apply(Rows.point(inputRow, rows.next()));
        }
    }
}
