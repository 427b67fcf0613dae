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

    /** A file under way, that nobody sees before it is finished. Thread: one owner. */
    interface Output extends AutoCloseable {
        /** Takes the file's bytes; not to be closed. */
        OutputStream bytes();

        /**
         * Lets the file be seen, in the place of one of that name.
         *
         * <p>Errors: IOException; then there is no such file, or still the one before.
         */
        void finish() throws IOException;

        /** Gives the file up unless it was finished. */
        @Override
        void close() throws IOException;
    }

    /** An open file. Thread: one owner. */
    interface Input extends AutoCloseable {
        long sizeBytes() throws IOException;

        /** Errors: IOException, also when the file ends before {@code length} bytes. */
        void read(long position, byte[] into, int length) throws IOException;

        @Override
        void close() throws IOException;
    }

    /** Begins a file. */
    Output begin(String name) throws IOException;

    /**
     * Writes a whole file at once, in the place of one of that name.
     *
     * <p>Errors: IOException; then the file may be there all the same, or appear later.
     */
    default void write(String name, Body body) throws IOException {
        try (Output output = begin(name)) {
            body.writeTo(output.bytes());
            output.finish();
        }
    }

    /** Told of each snapshot that was written here, once it is whole. Thread: the one that writes them. */
    default void stored(StoredSnapshot snapshot) {}

    /** Errors: FileNotFoundException when there is none. */
    Input open(String name) throws IOException;

    /**
     * The names of the files in a folder, without the folder's; empty when there is none. All that were written before
     * the call are among them, and not deleted since, in whatever processes.
     */
    List<String> list(String folder) throws IOException;

    /** Deletes a file; nothing happens when there is none. */
    void delete(String name) throws IOException;
}
