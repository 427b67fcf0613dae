package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.state.ObjectValues;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The sessions of one group in the order of their times, each with the buffer of its rows. No two of them
 * meet, so that the one that starts first also ends first.
 *
 * <p>Thread: the owning task.
 */
final class GroupSessions {
    private static final int FIRST_CAPACITY = 2;
    private static final @Nullable Object[] NO_BUFFERS = new Object[0];
    private static final long[] NO_TIMES = new long[0];

    private long[] starts = NO_TIMES;
    private long[] ends = NO_TIMES;
    private @Nullable Object[] buffers = NO_BUFFERS;
    private int count;

    int count() {
        return count;
    }

    long startMicros(int index) {
        return starts[index];
    }

    long endMicros(int index) {
        return ends[index];
    }

    Object buffer(int index) {
        Object buffer = buffers[index];
        if (buffer == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot find a session: index=%d, sessions=%d. Report this as a bug.".formatted(index, count));
        }
        return buffer;
    }

    /**
     * Makes one session of a row's window and of all sessions that it meets; windows that only touch meet,
     * too. Returns the session's index; the row itself is still to be counted.
     *
     * <p>Source: Spark's MergingSessionsIterator.
     */
    int include(long startMicros, long endMicros, Aggregate.InObjects aggregate) {
        int first = count;
        while (first > 0 && ends[first - 1] >= startMicros) {
            first--;
        }
        int behind = first;
        while (behind < count && starts[behind] <= endMicros) {
            behind++;
        }
        if (first == behind) {
            insert(first, startMicros, endMicros, aggregate.newBuffer());
            return first;
        }
        starts[first] = Math.min(starts[first], startMicros);
        ends[first] = Math.max(ends[behind - 1], endMicros);
        for (int i = first + 1; i < behind; i++) {
            aggregate.merge(buffer(first), buffer(i));
        }
        remove(first + 1, behind);
        return first;
    }

    private void insert(int index, long startMicros, long endMicros, Object buffer) {
        if (count == starts.length) {
            int capacity = Math.max(FIRST_CAPACITY, count * 2);
            starts = Arrays.copyOf(starts, capacity);
            ends = Arrays.copyOf(ends, capacity);
            buffers = Arrays.copyOf(buffers, capacity);
        }
        move(index, index + 1, count - index);
        starts[index] = startMicros;
        ends[index] = endMicros;
        buffers[index] = buffer;
        count++;
    }

    /** Removes the first sessions. */
    void removeFirst(int removedCount) {
        remove(0, removedCount);
    }

    private void remove(int from, int to) {
        move(to, from, count - to);
        int left = count - (to - from);
        Arrays.fill(buffers, left, count, null);
        count = left;
    }

    private void move(int from, int to, int length) {
        System.arraycopy(starts, from, starts, to, length);
        System.arraycopy(ends, from, ends, to, length);
        System.arraycopy(buffers, from, buffers, to, length);
    }

    /**
     * How the sessions of a group become bytes, as {@link StoredSessions} has them, and come back.
     *
     * <p>Thread: the owning task.
     */
    static final class Values implements ObjectValues {
        private static final long GROUP_BYTES = 96;
        private static final long SESSION_BYTES = 24;

        private final ObjectValues buffers;
        private final StoredSessions.Writer stored = new StoredSessions.Writer();

        Values(ObjectValues buffers) {
            this.buffers = buffers;
        }

        @Override
        public RowView serialize(Object object) {
            GroupSessions sessions = (GroupSessions) object;
            stored.clear();
            for (int i = 0; i < sessions.count; i++) {
                stored.add(sessions.starts[i], sessions.ends[i], buffers.serialize(sessions.buffer(i)));
            }
            return stored.sessions();
        }

        @Override
        public Object deserialize(RowView bytes) {
            GroupSessions sessions = new GroupSessions();
            StoredSessions from = new StoredSessions(bytes);
            while (from.next()) {
                sessions.insert(
                        sessions.count, from.startMicros(), from.endMicros(), buffers.deserialize(from.buffer()));
            }
            return sessions;
        }

        @Override
        public long estimatedBytes(Object object) {
            GroupSessions sessions = (GroupSessions) object;
            long sizeBytes = GROUP_BYTES;
            for (int i = 0; i < sessions.count; i++) {
                sizeBytes += SESSION_BYTES + buffers.estimatedBytes(sessions.buffer(i));
            }
            return sizeBytes;
        }
    }
}
