package dev.millrace.engine.snapshot;

import java.io.IOException;
import java.io.OutputStream;
import java.util.List;

/**
 * Where snapshot files and manifests are kept. Names are relative, with {@code /} between folders.
 *
 * <p>Thread: any.
 */
public interface SnapshotStorage {
    /** Writes a file's bytes. */
    @FunctionalInterface
    interface Body {
        void writeTo(OutputStream output) throws IOException;
    }

    /** An open file. Thread: one owner. */
    interface Input extends AutoCloseable {
        long sizeBytes() throws IOException;

        /** Errors: IOException, also when the file ends before {@code length} bytes. */
        void read(long position, byte[] into, int length) throws IOException;

        @Override
        void close() throws IOException;
    }

    /**
     * Writes a file that nobody sees before it is whole. A file of that name is replaced.
     *
     * <p>Errors: IOException; then there is no such file, or still the one before.
     */
    void write(String name, Body body) throws IOException;

    /**
     * As {@link #write}, but only where there is no file of that name; false, and nothing changed, when
     * there is one. Of several that create the same file at once, in whatever processes, one gets true.
     *
     * <p>Errors: IOException; then the file may be there all the same.
     */
    boolean create(String name, Body body) throws IOException;

    /** Errors: FileNotFoundException when there is none. */
    Input open(String name) throws IOException;

    /** The names of the files in a folder, without the folder's; empty when there is none. */
    List<String> list(String folder) throws IOException;

    /** Deletes a file; nothing happens when there is none. */
    void delete(String name) throws IOException;
}
