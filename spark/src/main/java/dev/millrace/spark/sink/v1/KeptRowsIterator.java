package dev.millrace.spark.sink.v1;

import dev.millrace.spark.scala.Scala;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import java.util.NoSuchElementException;
import java.util.Objects;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.jspecify.annotations.Nullable;
import scala.collection.AbstractIterator;

/**
 * Reads the rows of one task and epoch back, block by block. The row is the same object each time.
 *
 * <p>Thread: a Spark task's. Errors: STATE_CORRUPT.
 */
final class KeptRowsIterator extends AbstractIterator<InternalRow> {
    private final RowFolder folder;
    private final KeptRows rows;
    private final UnsafeRow row;
    private @Nullable FSDataInputStream file;
    private @Nullable RowBlock block;
    private long givenCount;

    KeptRowsIterator(RowFolder folder, KeptRows rows, int fieldCount) {
        this.folder = folder;
        this.rows = rows;
        this.row = new UnsafeRow(fieldCount);
    }

    @Override
    public boolean hasNext() {
        return givenCount < rows.rowCount();
    }

    @Override
    public InternalRow next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        try {
            while (block == null || !block.hasRow()) {
                block = nextBlock();
            }
        } catch (IOException e) {
            throw Scala.sneaky(e);
        }
        block.next(row);
        if (++givenCount == rows.rowCount()) {
            close();
        }
        return row;
    }

    private RowBlock nextBlock() throws IOException {
        String name = rows.file();
        if (name == null) {
            return RowBlock.unpack(rows.packed(), "the epoch's manifest");
        }
        try {
            FSDataInputStream from = file == null ? openFile(name) : file;
            byte[] header = new byte[RowBlock.HEADER_BYTES];
            from.readFully(header);
            int packedBytes = RowBlock.packedBytes(header, name);
            byte[] packed = Arrays.copyOf(header, RowBlock.HEADER_BYTES + packedBytes);
            from.readFully(packed, RowBlock.HEADER_BYTES, packedBytes);
            return RowBlock.unpack(packed, name);
        } catch (EOFException e) {
            throw RowBlock.corrupt(name, "rows=%d, expected %d".formatted(givenCount, rows.rowCount()));
        }
    }

    private FSDataInputStream openFile(String name) throws IOException {
        file = folder.open(name);
        byte[] magic = new byte[RowKeeper.MAGIC.length];
        file.readFully(magic);
        if (!Arrays.equals(magic, RowKeeper.MAGIC)) {
            throw RowBlock.corrupt(name, "no file of rows starts so");
        }
        return Objects.requireNonNull(file);
    }

    /** Closes the file; may be called again. */
    void close() {
        try {
            if (file != null) {
                file.close();
                file = null;
            }
        } catch (IOException e) {
            throw Scala.sneaky(e);
        }
    }
}
