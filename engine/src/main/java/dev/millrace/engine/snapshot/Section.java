package dev.millrace.engine.snapshot;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import java.util.Arrays;

/**
 * Entries of one operator's state in one key group, in the order in which they are to be taken back: a
 * later one for a key stands for the earlier ones. A <em>base</em> holds all entries, a delta what
 * changed in one epoch: entries that are new or have another value, entries that were removed, and up
 * to which time all have expired. A large base or delta comes as several sections, one after another.
 *
 * <p>Layout, one record per entry; sizes are variable-length, 7 bits per byte, the lowest first, the
 * time has the most significant byte first:
 * <pre>
 *   +------+---------+------------+-----------+--------+-----+-------+
 *   | kind | keySize | subKeySize | valueSize | expiry | key | value |
 *   +------+---------+------------+-----------+--------+-----+-------+
 *      1      1..5       0..5         0..5      0 or 8
 *
 *   kind: 0 put, 1 removed, 2 expired; +4 with an expiry time; +8 with a sub-key
 * </pre>
 * The key's size includes the sub-key's. A removed entry has no value, an expired record only a time.
 *
 * <p>Thread: one owner at a time.
 */
public final class Section {
    private static final int KIND_MASK = 3;
    private static final int HAS_EXPIRY = 4;
    private static final int HAS_SUB_KEY = 8;
    private static final int MAX_RECORD_HEADER_BYTES = 1 + 3 * 5 + Long.BYTES;
    private static final int INITIAL_BYTES = 128;
    private static final int MAX_BYTES = Integer.MAX_VALUE - 16;
    private static final SectionEntry.Kind[] KINDS = SectionEntry.Kind.values();

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

    /** Says that this and the sections of the same snapshot and key hold all entries; before any is put. */
    public Section markBase() {
        base = true;
        return this;
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

    /** Puts an entry without a sub-key that never expires. */
    public void put(RowView entryKey, RowView value) {
        put(entryKey, 0, value, SectionEntry.NEVER);
    }

    /** @param entryKey the key with its sub-key, of {@code subKeySizeBytes}, behind it */
    public void put(RowView entryKey, int subKeySizeBytes, RowView value, long expiryMicros) {
        makeRoom((long) MAX_RECORD_HEADER_BYTES + entryKey.sizeBytes() + value.sizeBytes());
        startRecord(SectionEntry.Kind.PUT, entryKey.sizeBytes(), subKeySizeBytes, expiryMicros);
        putSize(value.sizeBytes());
        putTime(expiryMicros);
        putBytes(entryKey);
        putBytes(value);
    }

    /** Says that an entry which an earlier section may hold is there no more. */
    public void remove(RowView entryKey, int subKeySizeBytes) {
        makeRoom((long) MAX_RECORD_HEADER_BYTES + entryKey.sizeBytes());
        startRecord(SectionEntry.Kind.REMOVED, entryKey.sizeBytes(), subKeySizeBytes, SectionEntry.NEVER);
        putBytes(entryKey);
    }

    /** Says that of the entries put before this, all are gone that were to expire at this time or earlier. */
    public void expire(long throughMicros) {
        makeRoom(MAX_RECORD_HEADER_BYTES);
        bytes[endOffset++] = (byte) (SectionEntry.Kind.EXPIRED.ordinal() | HAS_EXPIRY);
        putTime(throughMicros);
    }

    private void startRecord(SectionEntry.Kind kind, int keySizeBytes, int subKeySizeBytes, long expiryMicros) {
        boolean expires = expiryMicros != SectionEntry.NEVER;
        boolean hasSubKey = subKeySizeBytes != 0;
        bytes[endOffset++] = (byte) (kind.ordinal() | (expires ? HAS_EXPIRY : 0) | (hasSubKey ? HAS_SUB_KEY : 0));
        putSize(keySizeBytes);
        if (hasSubKey) {
            putSize(subKeySizeBytes);
        }
    }

    private void putSize(int size) {
        int left = size;
        while (left > 0x7F) {
            bytes[endOffset++] = (byte) (left | 0x80);
            left >>>= 7;
        }
        bytes[endOffset++] = (byte) left;
    }

    private void putTime(long micros) {
        if (micros != SectionEntry.NEVER) {
            for (int shift = Long.SIZE - Byte.SIZE; shift >= 0; shift -= Byte.SIZE) {
                bytes[endOffset++] = (byte) (micros >>> shift);
            }
        }
    }

    private void putBytes(RowView view) {
        System.arraycopy(view.bytes(), view.offset(), bytes, endOffset, view.sizeBytes());
        endOffset += view.sizeBytes();
    }

    private void makeRoom(long sizeBytes) {
        long needed = endOffset + sizeBytes;
        if (needed <= bytes.length) {
            return;
        }
        if (needed > MAX_BYTES) {
            throw new MillraceException(
                    ErrorCode.STATE_MEMORY,
                    "Cannot write a snapshot: operator=%s, keyGroup=%d has an entry of %d bytes, limit=%d. Keep less under one key."
                            .formatted(key.operator(), key.keyGroup(), sizeBytes, MAX_BYTES));
        }
        bytes = Arrays.copyOf(bytes, (int) Math.max(needed, Math.min(MAX_BYTES, bytes.length * 2L)));
    }

    /** Takes the entries one after the other. */
    @FunctionalInterface
    public interface Reader {
        /** Lifetime: the entry is valid until this returns. */
        void entry(SectionEntry entry) throws Exception;
    }

    /** How many records there are. Errors: STATE_CORRUPT where the bytes are no records. */
    public int recordCount() {
        RecordReader records = new RecordReader();
        int count = 0;
        while (records.next()) {
            count++;
        }
        return count;
    }

    /** Errors: STATE_CORRUPT where the bytes are no records. */
    public void read(Reader reader) throws Exception {
        RecordReader records = new RecordReader();
        while (records.next()) {
            reader.entry(records.entry);
        }
    }

    /** Goes from record to record. */
    private final class RecordReader {
        final SectionEntry entry = new SectionEntry();
        private final byte[] from = bytes;
        private final int end = endOffset;
        private int at;

        /** Reads the next record into {@link #entry}; false behind the last one. */
        boolean next() {
            if (at == end) {
                return false;
            }
            int kindByte = from[at++];
            int kindIndex = kindByte & KIND_MASK;
            require(kindIndex < KINDS.length && kindByte >>> 4 == 0);
            SectionEntry.Kind kind = KINDS[kindIndex];
            int keySizeBytes = kind != SectionEntry.Kind.EXPIRED ? size() : 0;
            int subKeySizeBytes = (kindByte & HAS_SUB_KEY) != 0 ? size() : 0;
            int valueSizeBytes = kind == SectionEntry.Kind.PUT ? size() : 0;
            long expiryMicros = (kindByte & HAS_EXPIRY) != 0 ? time() : SectionEntry.NEVER;
            require(subKeySizeBytes <= keySizeBytes && (long) keySizeBytes + valueSizeBytes <= end - at);
            entry.set(kind, subKeySizeBytes, expiryMicros);
            entry.key().pointTo(from, at, keySizeBytes);
            entry.value().pointTo(from, at + keySizeBytes, valueSizeBytes);
            at += keySizeBytes + valueSizeBytes;
            return true;
        }

        private int size() {
            require(at < end);
            int next = from[at++];
            if (next >= 0) {
                return next;
            }
            long size = next & 0x7F;
            for (int shift = 7; next < 0; shift += 7) {
                require(at < end && shift < Integer.SIZE);
                next = from[at++];
                size |= (long) (next & 0x7F) << shift;
            }
            require(size <= Integer.MAX_VALUE);
            return (int) size;
        }

        private long time() {
            require(end - at >= Long.BYTES);
            long micros = 0;
            for (int i = 0; i < Long.BYTES; i++) {
                micros = micros << Byte.SIZE | (from[at++] & 0xFF);
            }
            return micros;
        }

        private void require(boolean isRecord) {
            if (!isRecord) {
                throw new MillraceException(
                        ErrorCode.STATE_CORRUPT,
                        "Cannot restore state: operator=%s, keyGroup=%d, what ends before byte=%d is no record. Restart from an earlier epoch with spark.millrace.restore.epoch."
                                .formatted(key.operator(), key.keyGroup(), at));
            }
        }
    }
}
