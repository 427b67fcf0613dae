package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Goes over the sessions of one group as a snapshot has them; {@link Writer} puts them together.
 *
 * <p>Layout, once per session; the most significant byte first:
 * <pre>
 *   0       8      16           20
 *   +-------+------+------------+--------+
 *   | start | end  | bufferSize | buffer |
 *   +-------+------+------------+--------+
 * </pre>
 *
 * <p>Units: microseconds since 1970-01-01T00:00:00Z. Thread: one. Lifetime: as long as the bytes.
 */
public final class StoredSessions {
    private static final int HEADER_BYTES = 20;

    private final ByteBuffer fields;
    private final RowView buffer = new RowView();
    private long startMicros;
    private long endMicros;

    public StoredSessions(RowView stored) {
        fields = ByteBuffer.wrap(stored.bytes(), stored.offset(), stored.sizeBytes());
    }

    /** Moves to the next session; false behind the last one. Errors: STATE_CORRUPT. */
    public boolean next() {
        if (!fields.hasRemaining()) {
            return false;
        }
        require(fields.remaining() >= HEADER_BYTES);
        startMicros = fields.getLong();
        endMicros = fields.getLong();
        int sizeBytes = fields.getInt();
        require(sizeBytes >= 0 && sizeBytes <= fields.remaining());
        buffer.pointTo(fields.array(), fields.arrayOffset() + fields.position(), sizeBytes);
        fields.position(fields.position() + sizeBytes);
        return true;
    }

    private void require(boolean isSession) {
        if (!isSession) {
            throw new MillraceException(
                    ErrorCode.STATE_CORRUPT,
                    "Cannot restore the sessions of a group: sizeBytes=%d does not end with a session. Restart from an earlier epoch or a new checkpoint."
                            .formatted(fields.limit()));
        }
    }

    public long startMicros() {
        return startMicros;
    }

    /** The first moment behind the session. */
    public long endMicros() {
        return endMicros;
    }

    /** The buffer of its rows. Lifetime: until the next session. */
    public RowView buffer() {
        return buffer;
    }

    /**
     * Puts the sessions of one group together, in the order of their times.
     *
     * <p>Thread: one. Bounds: what an array holds.
     */
    public static final class Writer {
        private final RowView view = new RowView();
        private byte[] bytes = new byte[256];
        private int sizeBytes;

        /** Begins a group's. */
        public void clear() {
            sizeBytes = 0;
        }

        /** @param buffer of the session's rows, which is copied */
        public void add(long startMicros, long endMicros, RowView buffer) {
            int end = Math.addExact(sizeBytes, Math.addExact(HEADER_BYTES, buffer.sizeBytes()));
            if (end > bytes.length) {
                bytes = Arrays.copyOf(bytes, (int) Math.min(Integer.MAX_VALUE - 8, Math.max(end, 2L * bytes.length)));
            }
            ByteBuffer.wrap(bytes, sizeBytes, HEADER_BYTES)
                    .putLong(startMicros)
                    .putLong(endMicros)
                    .putInt(buffer.sizeBytes());
            System.arraycopy(buffer.bytes(), buffer.offset(), bytes, sizeBytes + HEADER_BYTES, buffer.sizeBytes());
            sizeBytes = end;
        }

        /** What was added. Lifetime: until the group after this begins. */
        public RowView sessions() {
            return view.pointTo(bytes, 0, sizeBytes);
        }
    }
}
