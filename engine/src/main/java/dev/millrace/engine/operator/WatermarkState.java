package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionKey;
import java.nio.ByteBuffer;

/**
 * A watermark in a snapshot, as the value of an entry that belongs to the task and to no key group.
 * Layout: 8 bytes, the most significant first.
 */
final class WatermarkState {
    private WatermarkState() {}

    /** A task's section without a watermark: it holds nobody's back. */
    static Section section(OperatorId operator) {
        Section section = new Section(new SectionKey(operator, SectionKey.TASK));
        section.markBase();
        return section;
    }

    /** A task's section with its watermark, or with {@link Long#MIN_VALUE} while it waits for its first. */
    static Section section(OperatorId operator, long micros) {
        Section section = section(operator);
        byte[] bytes = ByteBuffer.allocate(Long.BYTES).putLong(micros).array();
        section.put(new RowView(), new RowView().pointTo(bytes, 0, bytes.length));
        return section;
    }

    /** Reads one back. Errors: STATE_CORRUPT. */
    static long micros(RowView value) {
        if (value.sizeBytes() != Long.BYTES) {
            throw new MillraceException(
                    ErrorCode.STATE_CORRUPT,
                    "Cannot restore a watermark: sizeBytes=%d, expected 8. Restart from an earlier epoch."
                            .formatted(value.sizeBytes()));
        }
        return ByteBuffer.wrap(value.bytes(), value.offset(), Long.BYTES).getLong();
    }
}
