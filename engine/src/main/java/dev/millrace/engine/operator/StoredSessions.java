package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import java.nio.ByteBuffer;

/**
 * Goes over the sessions of one group as a snapshot has them.
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
    static final int HEADER_BYTES = 20;

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
}
