package dev.millrace.engine.snapshot;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * A file of sections with an index behind them, as it is laid out. {@link SnapshotFileWriter} writes it, {@link
 * SnapshotFileReader} reads it.
 *
 * <p>Layout, the most significant byte first:
 * <pre>
 *   "MILLSNAP" | version | zstd(section) ... | index | index offset | index size | index crc32c | "MILLSNAP"
 *       8          4                                       8             4              4            8
 *
 *   index: count, then for each section
 *   stageId | operatorIndex | stateIndex | keyGroup | kind | offset | packed size | raw size | crc32c of the packed bytes
 *      4           4            4           4        1       8          4            4           4
 * </pre>
 * The index's checksum is over the first 12 bytes of the file too, lest a damaged version be taken for
 * a newer one; so what frames the index stays the same in all versions.
 *
 * <p>Errors: STATE_CORRUPT, naming file and fact, whenever the bytes are not what was written.
 */
public final class SnapshotFile {
    static final int VERSION = 1;

    private static final byte[] MAGIC = "MILLSNAP".getBytes(StandardCharsets.US_ASCII);
    private static final int HEADER_BYTES = 12;
    private static final int FOOTER_BYTES = 24;
    private static final int INDEX_ENTRY_BYTES = 37;

    /** Where a section lies in its file. */
    public record Entry(SectionKey key, boolean base, long offset, int packedBytes, int rawBytes, int crc) {}

    private SnapshotFile() {}

    static byte[] header() {
        return ByteBuffer.allocate(HEADER_BYTES).put(MAGIC).putInt(VERSION).array();
    }

    /** What stands behind the sections: the index, and what frames it. */
    static byte[] trailer(List<Entry> index, long indexOffset) {
        byte[] indexBytes = encode(index);
        return ByteBuffer.allocate(indexBytes.length + FOOTER_BYTES)
                .put(indexBytes)
                .putLong(indexOffset)
                .putInt(indexBytes.length)
                .putInt(crcOfIndex(header(), indexBytes))
                .put(MAGIC)
                .array();
    }

    private static byte[] encode(List<Entry> index) {
        ByteBuffer to = ByteBuffer.allocate(4 + index.size() * INDEX_ENTRY_BYTES);
        to.putInt(index.size());
        for (Entry entry : index) {
            to.putInt(entry.key().operator().stageId());
            to.putInt(entry.key().operator().operatorIndex());
            to.putInt(entry.key().stateIndex()).putInt(entry.key().keyGroup());
            to.put((byte) (entry.base() ? 1 : 0));
            to.putLong(entry.offset());
            to.putInt(entry.packedBytes()).putInt(entry.rawBytes()).putInt(entry.crc());
        }
        return to.array();
    }

    /** Reads a file's index. */
    public static List<Entry> index(SnapshotStorage.Input input, String name) throws IOException {
        long size = input.sizeBytes();
        if (size < HEADER_BYTES + FOOTER_BYTES) {
            throw corrupt(name, "sizeBytes=" + size + " is too short");
        }
        byte[] header = new byte[HEADER_BYTES];
        input.read(0, header, HEADER_BYTES);
        byte[] footerBytes = new byte[FOOTER_BYTES];
        input.read(size - FOOTER_BYTES, footerBytes, FOOTER_BYTES);
        ByteBuffer footer = ByteBuffer.wrap(footerBytes);
        long indexOffset = footer.getLong();
        int indexSize = footer.getInt();
        int indexCrc = footer.getInt();
        if (!startsWithMagic(header, 0) || !startsWithMagic(footerBytes, FOOTER_BYTES - MAGIC.length)) {
            throw corrupt(name, "no snapshot file starts or ends so");
        }
        if (indexSize < 4 || indexOffset < HEADER_BYTES || indexOffset != size - FOOTER_BYTES - indexSize) {
            throw corrupt(name, "its index is not where it says");
        }
        byte[] indexBytes = new byte[indexSize];
        input.read(indexOffset, indexBytes, indexSize);
        int crc = crcOfIndex(header, indexBytes);
        if (crc != indexCrc) {
            throw wrongCrc(name, "index", crc, indexCrc);
        }
        int version = ByteBuffer.wrap(header).getInt(MAGIC.length);
        if (version != VERSION) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot restore state: file=%s has format version=%d, known=%d. Use the Millrace version that wrote it."
                            .formatted(name, version, VERSION));
        }
        return decode(name, ByteBuffer.wrap(indexBytes), indexOffset);
    }

    private static List<Entry> decode(String name, ByteBuffer from, long indexOffset) {
        int count = from.getInt();
        if (count < 0 || from.remaining() != (long) count * INDEX_ENTRY_BYTES) {
            throw corrupt(name, "its index counts " + count + " sections");
        }
        List<Entry> index = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            SectionKey key = new SectionKey(new OperatorId(from.getInt(), from.getInt()), from.getInt(), from.getInt());
            Entry entry = new Entry(key, from.get() == 1, from.getLong(), from.getInt(), from.getInt(), from.getInt());
            if (entry.packedBytes() < 0
                    || entry.rawBytes() < 0
                    || entry.offset() < HEADER_BYTES
                    || entry.offset() + entry.packedBytes() > indexOffset) {
                throw corrupt(name, "section=" + i + " lies outside of it");
            }
            index.add(entry);
        }
        return index;
    }

    private static boolean startsWithMagic(byte[] bytes, int offset) {
        return Arrays.equals(bytes, offset, offset + MAGIC.length, MAGIC, 0, MAGIC.length);
    }

    /** The checksum over the file's header, of which more bytes than that are ignored, and its index. */
    static int crcOfIndex(byte[] header, byte[] index) {
        CRC32C crc = new CRC32C();
        crc.update(header, 0, HEADER_BYTES);
        crc.update(index);
        return (int) crc.getValue();
    }

    static int crc(byte[] bytes, int offset, int sizeBytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, offset, sizeBytes);
        return (int) crc.getValue();
    }

    static MillraceException wrongCrc(String name, String part, int actual, int expected) {
        return corrupt(name, "%s has crc32c=%08x, expected %08x".formatted(part, actual, expected));
    }

    static MillraceException corrupt(String name, String fact) {
        return new MillraceException(
                ErrorCode.STATE_CORRUPT,
                "Cannot restore state: file=%s, %s. Restart from an earlier epoch with spark.millrace.restore.epoch."
                        .formatted(name, fact));
    }
}
