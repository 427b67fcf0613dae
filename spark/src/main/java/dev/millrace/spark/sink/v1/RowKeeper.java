package dev.millrace.spark.sink.v1;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.jspecify.annotations.Nullable;

/**
 * Keeps one task's rows of one epoch: in its message when they are few, otherwise in a file.
 *
 * <p>Layout of a file: {@link #MAGIC}, then packed blocks ({@link RowBlock}) up to its end; how many
 * rows there are the message says.
 *
 * <p>Thread: the task's. Bounds: one block in memory.
 */
final class RowKeeper implements DataWriter<InternalRow> {
    static final byte[] MAGIC = "MILLROWS1".getBytes(StandardCharsets.US_ASCII);

    /** What a message may hold: every epoch's manifest carries it for each task. */
    private static final int MAX_MESSAGE_BYTES = 16 * 1024;

    private static final byte[] NOTHING = {};

    private final RowFolder folder;
    private final String fileName;
    private final RowBlock block = new RowBlock();
    private @Nullable FSDataOutputStream file;
    private long rowCount;
    private long rawBytes;

    RowKeeper(RowFolder folder, String fileName) {
        this.folder = folder;
        this.fileName = fileName;
    }

    @Override
    public void write(InternalRow row) throws IOException {
        UnsafeRow bytes = (UnsafeRow) row;
        if (!block.hasRoomFor(bytes)) {
            append(block.pack());
        }
        block.add(bytes);
        rowCount++;
        rawBytes += bytes.getSizeInBytes();
    }

    private void append(byte[] packed) throws IOException {
        if (file == null) {
            file = folder.create(fileName);
            file.write(MAGIC);
        }
        file.write(packed);
        block.clear();
    }

    @Override
    public WriterCommitMessage commit() throws IOException {
        byte[] packed = block.isEmpty() ? NOTHING : block.pack();
        if (file == null && packed.length <= MAX_MESSAGE_BYTES) {
            return new KeptRows(null, packed, rowCount, rawBytes);
        }
        append(packed);
        closeFile();
        return new KeptRows(fileName, NOTHING, rowCount, rawBytes);
    }

    private void closeFile() throws IOException {
        if (file != null) {
            FSDataOutputStream open = file;
            file = null;
            open.close();
        }
    }

    @Override
    public void abort() throws IOException {
        closeFile();
        folder.delete(List.of(fileName));
    }

    @Override
    public void close() throws IOException {
        closeFile();
    }
}
