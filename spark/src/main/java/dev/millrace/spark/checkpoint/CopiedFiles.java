package dev.millrace.spark.checkpoint;

import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.engine.snapshot.StateIndex;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.io.IOException;
import java.io.OutputStream;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The snapshot files of one attempt of a query, of which the process keeps {@link LocalCopies}: of what it writes, and of
 * what it had to read. A copy goes when no epoch that the query may go back to needs it any more, as far as this
 * process's own snapshots tell.
 *
 * <p>Thread: any, but {@link #stored} is one thread's.
 */
final class CopiedFiles implements SnapshotStorage {
    private final LocalCopies copies;
    private final String query;
    private final SnapshotStorage files;

    /** The state as of the last snapshot stored here, and of the one before: the last may not be decided yet. */
    private StateIndex last;

    private StateIndex beforeLast;

    CopiedFiles(LocalCopies copies, String query, SnapshotStorage files, StateIndex from) {
        this.copies = copies;
        this.query = query;
        this.files = files;
        this.last = from;
        this.beforeLast = from;
    }

    @Override
    public Output begin(String name) throws IOException {
        Output output = files.begin(name);
        LocalCopy copy = copies.anew(query, name);
        return copy == null ? output : new CopyingOutput(output, copy);
    }

    @Override
    public Input open(String name) throws IOException {
        LocalCopy copy = copies.of(query, name);
        return copy == null ? files.open(name) : new CopyingInput(name, copy);
    }

    @Override
    public List<String> list(String folder) throws IOException {
        return files.list(folder);
    }

    @Override
    public void delete(String name) throws IOException {
        files.delete(name);
    }

    @Override
    public void stored(StoredSnapshot snapshot) {
        beforeLast = last;
        last = last.with(List.of(snapshot));
        Set<String> needed = new HashSet<>(last.allFiles());
        needed.addAll(beforeLast.allFiles());
        copies.retain(query, needed);
    }

    /** Writes to the checkpoint first. */
    private final class CopyingOutput extends OutputStream implements Output {
        private final Output output;
        private final LocalCopy copy;
        private long position;
        private boolean isFinished;

        CopyingOutput(Output output, LocalCopy copy) {
            this.output = output;
            this.copy = copy;
        }

        @Override
        public OutputStream bytes() {
            return this;
        }

        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            output.bytes().write(bytes, offset, length);
            copies.put(copy, position, bytes, offset, length);
            position += length;
        }

        @Override
        public void flush() throws IOException {
            output.bytes().flush();
        }

        @Override
        public void finish() throws IOException {
            output.finish();
            copies.isOfSize(copy, position);
            isFinished = true;
        }

        @Override
        public void close() throws IOException {
            if (!isFinished) {
                copies.drop(copy);
            }
            output.close();
        }
    }

    /** Goes to the checkpoint once something is not here. */
    private final class CopyingInput implements Input {
        private final String name;
        private final LocalCopy copy;
        private @Nullable Input input;

        CopyingInput(String name, LocalCopy copy) {
            this.name = name;
            this.copy = copy;
        }

        private Input far() throws IOException {
            Input open = input;
            if (open == null) {
                open = files.open(name);
                input = open;
            }
            return open;
        }

        @Override
        public long sizeBytes() throws IOException {
            long known = copies.sizeBytes(copy);
            if (known < 0) {
                known = far().sizeBytes();
                copies.isOfSize(copy, known);
            }
            return known;
        }

        @Override
        public void read(long position, byte[] into, int length) throws IOException {
            if (!copies.read(copy, position, into, length)) {
                far().read(position, into, length);
                copies.put(copy, position, into, 0, length);
            }
        }

        @Override
        public void close() throws IOException {
            Input open = input;
            if (open != null) {
                open.close();
            }
        }
    }
}
