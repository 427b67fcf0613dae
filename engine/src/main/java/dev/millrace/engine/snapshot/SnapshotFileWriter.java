package dev.millrace.engine.snapshot;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes a {@link SnapshotFile}, section by section; each leaves the memory as soon as it is written. A key's
 * sections are read in the order in which they were written.
 *
 * <p>Thread: one owner. Errors: IOException.
 */
public final class SnapshotFileWriter implements AutoCloseable {
    private static final int ZSTD_LEVEL = 1;
    private static final int BUFFER_BYTES = 64 * 1024;

    private final SnapshotStorage.Output file;
    private final OutputStream to;
    private final ZstdCompressCtx zstd = new ZstdCompressCtx();
    private final List<SnapshotFile.Entry> index = new ArrayList<>();
    private byte[] packed = new byte[0];
    private long offset;

    public SnapshotFileWriter(SnapshotStorage storage, String name) throws IOException {
        file = storage.begin(name);
        to = new BufferedOutputStream(file.bytes(), BUFFER_BYTES);
        zstd.setLevel(ZSTD_LEVEL);
        write(SnapshotFile.header());
    }

    private void write(byte[] bytes) throws IOException {
        to.write(bytes);
        offset += bytes.length;
    }

    /** Writes a section, which is of no use to the writer after that. */
    public void append(Section section) throws IOException {
        int bound = Math.toIntExact(Zstd.compressBound(section.sizeBytes()));
        if (packed.length < bound) {
            packed = new byte[bound];
        }
        int packedBytes = zstd.compressByteArray(packed, 0, packed.length, section.bytes(), 0, section.sizeBytes());
        to.write(packed, 0, packedBytes);
        int crc = SnapshotFile.crc(packed, 0, packedBytes);
        index.add(
                new SnapshotFile.Entry(section.key(), section.isBase(), offset, packedBytes, section.sizeBytes(), crc));
        offset += packedBytes;
    }

    /** Ends the file, lets it be seen and returns its index. */
    public List<SnapshotFile.Entry> finish() throws IOException {
        to.write(SnapshotFile.trailer(index, offset));
        to.flush();
        file.finish();
        return List.copyOf(index);
    }

    /** Gives the file up unless it was finished. */
    @Override
    public void close() throws IOException {
        zstd.close();
        file.close();
    }
}
