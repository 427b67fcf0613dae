package dev.millrace.spark.checkpoint;

import dev.millrace.engine.snapshot.SnapshotStorage;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * A file on a local disk under way: it is written under another name, forced to the disk, and only then appears
 * under its own. Hadoop's interface to a local disk starts some processes ({@code chmod}, {@code readlink}) for a file
 * that is put in its place, which takes longer than a short epoch.
 *
 * <p>Thread: one owner. Errors: IOException.
 */
final class LocalFile implements SnapshotStorage.Output {
    private final Path path;
    private final Path whole;
    private final FileChannel channel;
    private final OutputStream bytes;

    private LocalFile(Path path) throws IOException {
        this.path = path;
        this.whole = path.resolveSibling("." + path.getFileName() + "." + UUID.randomUUID() + ".tmp");
        this.channel = FileChannel.open(whole, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        this.bytes = Channels.newOutputStream(channel);
    }

    /** Begins a file that is to take the place of one of its name. */
    static LocalFile begin(Path path) throws IOException {
        return new LocalFile(path);
    }

    /**
     * Opens a file to be read where it lies. Many small reads, as those of a state's changes are, cost one call of the
     * system each, and nothing that has to be compiled first when a process has just started.
     *
     * <p>Errors: FileNotFoundException when there is none.
     */
    static SnapshotStorage.Input open(Path path) throws IOException {
        // No channel: it would be closed under a reader whose thread is interrupted.
        RandomAccessFile file = new RandomAccessFile(path.toFile(), "r");
        return new SnapshotStorage.Input() {
            @Override
            public long sizeBytes() throws IOException {
                return file.length();
            }

            @Override
            public void read(long position, byte[] into, int length) throws IOException {
                file.seek(position);
                file.readFully(into, 0, length);
            }

            @Override
            public void close() throws IOException {
                file.close();
            }
        };
    }

    /** The names of what is in a folder; empty when there is none. Nothing else is asked of a file, as Hadoop does. */
    static List<String> list(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /**
     * As {@link #finish}, for one creator only; false when there is one of its name already. It is linked to its name,
     * which fails where that is taken: a rename would replace what is there.
     */
    boolean finishFirst() throws IOException {
        force();
        try {
            link(whole, path);
        } catch (FileAlreadyExistsException e) {
            return false;
        }
        dropChecksum();
        return true;
    }

    /** Hadoop's, of a file that had the name before and would not match it any more. */
    private void dropChecksum() throws IOException {
        boolean unused = Files.deleteIfExists(path.resolveSibling("." + path.getFileName() + ".crc"));
    }

    @Override
    public OutputStream bytes() {
        return bytes;
    }

    @Override
    public void finish() throws IOException {
        force();
        dropChecksum();
        Path unused = Files.move(whole, path, StandardCopyOption.ATOMIC_MOVE);
    }

    private void force() throws IOException {
        channel.force(true);
        channel.close();
    }

    @Override
    public void close() throws IOException {
        channel.close();
        boolean unused = Files.deleteIfExists(whole);
    }

    private static void link(Path whole, Path path) throws IOException {
        try {
            Files.createLink(path, whole);
        } catch (FileAlreadyExistsException e) {
            throw e;
        } catch (UnsupportedOperationException | FileSystemException e) {
            // A disk without hard links: look first and rename then, as Spark's own logs do everywhere.
            Path unused = Files.move(whole, path);
        }
    }
}
