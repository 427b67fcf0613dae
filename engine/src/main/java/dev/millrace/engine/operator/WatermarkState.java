package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionEntry;
import dev.millrace.engine.snapshot.SectionKey;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * A watermark in a snapshot, and how far the input partitions have come that it was found of: entries that
 * belong to the task and to no key group. Layout: the watermark's key is empty, a partition's its name in
 * UTF-8; the value is a time of 8 bytes, the most significant first.
 */
public final class WatermarkState {
    private WatermarkState() {}

    /** A task's section without a watermark: it holds nobody's back. */
    static Section section(OperatorId operator) {
        Section section = new Section(new SectionKey(operator, SectionKey.TASK));
        section.markBase();
        return section;
    }

    /** A task's section with its watermark, or with {@link Long#MIN_VALUE} while it waits for its first. */
    public static Section section(OperatorId operator, long micros) {
        Section section = section(operator);
        section.put(new RowView(), view(bytes(micros)));
        return section;
    }

    /** Puts the greatest event time that a partition gave. */
    static void putPartition(Section section, String name, long maxEventTimeMicros) {
        section.put(view(name.getBytes(StandardCharsets.UTF_8)), view(bytes(maxEventTimeMicros)));
    }

    private static byte[] bytes(long micros) {
        return ByteBuffer.allocate(Long.BYTES).putLong(micros).array();
    }

    private static RowView view(byte[] bytes) {
        return new RowView().pointTo(bytes, 0, bytes.length);
    }

    /** The partition that an entry is of; empty where it is the watermark. */
    static String partition(SectionEntry entry) {
        return new String(entry.key().toBytes(), StandardCharsets.UTF_8);
    }

    /** Reads a time back. Errors: STATE_CORRUPT. */
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
