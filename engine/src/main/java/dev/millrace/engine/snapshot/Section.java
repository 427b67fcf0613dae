package dev.millrace.engine.snapshot;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Entries of one operator in one key group, in the order in which they are to be taken back: a later
 * one for a key stands for the earlier ones. A <em>base</em> holds all entries, a delta those that
 * changed in one epoch. What a watermark has removed needs no mention: whoever takes the entries back
 * knows the watermark too.
 *
 * <p>Layout, one record per entry, the most significant byte first:
 * <pre>
 *   +---------+-----------+-----+-------+
 *   | keySize | valueSize | key | value |
 *   +---------+-----------+-----+-------+
 * </pre>
 *
 * <p>Thread: one owner at a time.
 */
public final class Section {
    private static final int RECORD_HEADER_BYTES = 8;
    private static final int INITIAL_BYTES = 128;

    private final SectionKey key;
    private boolean base;
    private byte[] bytes;
    private int endOffset;

    public Section(SectionKey key) {
        this(key, false, new byte[INITIAL_BYTES], 0);
    }

    private Section(SectionKey key, boolean base, byte[] bytes, int endOffset) {
        this.key = key;
        this.base = base;
        this.bytes = bytes;
        this.endOffset = endOffset;
    }

    /** A section as it was read back. */
    static Section of(SectionKey key, boolean base, byte[] bytes) {
        return new Section(key, base, bytes, bytes.length);
    }

    public SectionKey key() {
        return key;
    }

    /** Says that these are all entries of the key group; before any is put. */
    public void markBase() {
        base = true;
    }

    public boolean isBase() {
        return base;
    }

    public byte[] bytes() {
        return bytes;
    }

    public int sizeBytes() {
        return endOffset;
    }

    public void put(RowView entryKey, RowView value) {
        long needed = (long) endOffset + RECORD_HEADER_BYTES + entryKey.sizeBytes() + value.sizeBytes();
        if (needed > bytes.length) {
            grow(needed);
        }
        ByteBuffer to = ByteBuffer.wrap(bytes, endOffset, (int) needed - endOffset);
        to.putInt(entryKey.sizeBytes()).putInt(value.sizeBytes());
        to.put(entryKey.bytes(), entryKey.offset(), entryKey.sizeBytes());
        to.put(value.bytes(), value.offset(), value.sizeBytes());
        endOffset = (int) needed;
    }

    private void grow(long needed) {
        if (needed > Integer.MAX_VALUE - 16) {
            throw new MillraceException(
                    ErrorCode.STATE_MEMORY,
                    "Cannot write a snapshot: operator=%s, keyGroup=%d has changed by more than %d bytes. Raise spark.sql.shuffle.partitions, or end epochs more often."
                            .formatted(key.operator(), key.keyGroup(), Integer.MAX_VALUE));
        }
        bytes = Arrays.copyOf(bytes, (int) Math.max(needed, Math.min(Integer.MAX_VALUE - 16, bytes.length * 2L)));
    }

    /** Takes the entries one after the other. */
    @FunctionalInterface
    public interface Reader {
        void entry(RowView entryKey, RowView value) throws Exception;
    }

    /** Errors: STATE_CORRUPT where the bytes are no records. */
    public void read(Reader reader) throws Exception {
        ByteBuffer from = ByteBuffer.wrap(bytes, 0, endOffset);
        RowView entryKey = new RowView();
        RowView value = new RowView();
        while (from.hasRemaining()) {
            boolean hasHeader = from.remaining() >= RECORD_HEADER_BYTES;
            int keySizeBytes = hasHeader ? from.getInt() : -1;
            int valueSizeBytes = hasHeader ? from.getInt() : -1;
            if (keySizeBytes < 0 || valueSizeBytes < 0 || (long) keySizeBytes + valueSizeBytes > from.remaining()) {
                throw new MillraceException(
                        ErrorCode.STATE_CORRUPT,
                        "Cannot restore state: operator=%s, keyGroup=%d, what ends before byte=%d is no record. Restart from an earlier epoch with spark.millrace.restore.epoch."
                                .formatted(key.operator(), key.keyGroup(), from.position()));
            }
            entryKey.pointTo(bytes, from.position(), keySizeBytes);
            value.pointTo(bytes, from.position() + keySizeBytes, valueSizeBytes);
            from.position(from.position() + keySizeBytes + valueSizeBytes);
            reader.entry(entryKey, value);
        }
    }
}
