package dev.millrace.engine.snapshot;

import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.io.IOException;
import java.util.List;

/**
 * Reads the sections of a {@link SnapshotFile}. Small ones that lie behind each other, as those of one task's key
 * groups do, come with one read of the storage, which may be far away.
 *
 * <p>Thread: one owner. Errors: STATE_CORRUPT, naming file and fact; IOException.
 */
public final class SnapshotFileReader implements AutoCloseable {
    private static final int WINDOW_BYTES = 64 * 1024;
    private static final byte[] NOTHING = new byte[0];

    private final SnapshotStorage.Input input;
    private final String name;
    private final ZstdDecompressCtx zstd;

    /** Some of the file's bytes, from {@code windowOffset} on. */
    private byte[] window = NOTHING;

    private long windowOffset;

    /** @param zstd unpacks; may be shared by readers of one owner, who closes it */
    public SnapshotFileReader(SnapshotStorage storage, String name, ZstdDecompressCtx zstd) throws IOException {
        this.input = storage.open(name);
        this.name = name;
        this.zstd = zstd;
    }

    /** Reads what is in the file. */
    public List<SnapshotFile.Entry> index() throws IOException {
        return SnapshotFile.index(input, name);
    }

    /** Reads one section. */
    public Section section(SnapshotFile.Entry entry) throws IOException {
        if (entry.packedBytes() > WINDOW_BYTES) {
            byte[] packed = new byte[entry.packedBytes()];
            input.read(entry.offset(), packed, packed.length);
            return unpack(entry, packed, 0);
        }
        if (entry.offset() < windowOffset || entry.offset() + entry.packedBytes() > windowOffset + window.length) {
            moveWindow(entry.offset());
        }
        return unpack(entry, window, (int) (entry.offset() - windowOffset));
    }

    private void moveWindow(long offset) throws IOException {
        int sizeBytes = (int) Math.min(WINDOW_BYTES, input.sizeBytes() - offset);
        if (window.length != sizeBytes) {
            window = new byte[sizeBytes];
        }
        windowOffset = offset;
        input.read(offset, window, sizeBytes);
    }

    private Section unpack(SnapshotFile.Entry entry, byte[] packed, int offset) {
        int crc = SnapshotFile.crc(packed, offset, entry.packedBytes());
        if (crc != entry.crc()) {
            throw SnapshotFile.wrongCrc(name, "section " + entry.key(), crc, entry.crc());
        }
        byte[] raw = new byte[entry.rawBytes()];
        int size;
        try {
            size = zstd.decompressByteArray(raw, 0, raw.length, packed, offset, entry.packedBytes());
        } catch (ZstdException e) {
            throw SnapshotFile.corrupt(name, "section " + entry.key() + " does not unpack: " + e.getMessage());
        }
        if (size != raw.length) {
            throw SnapshotFile.corrupt(name, "section " + entry.key() + " does not unpack to rawBytes=" + raw.length);
        }
        return Section.of(entry.key(), entry.base(), raw);
    }

    @Override
    public void close() throws IOException {
        input.close();
    }
}
