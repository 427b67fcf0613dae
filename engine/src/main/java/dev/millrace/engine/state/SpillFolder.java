package dev.millrace.engine.state;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A local folder for what a process spills, of its own and gone when it is closed. A lock beside it,
 * which the system lets go when the process dies however it dies, says that it is in use; whoever makes
 * the next folder in the same place deletes those whose lock is free.
 *
 * <p>Layout: in the place, {@code millrace-spill-<process>-<random>} and the same with {@code .lock}.
 *
 * <p>Thread: any, one at a time.
 */
public final class SpillFolder implements AutoCloseable {
    /** Makes an empty folder. */
    @FunctionalInterface
    public interface Maker {
        SpillFolder make() throws IOException;
    }

    private static final String PREFIX = "millrace-spill-";
    private static final String LOCK_SUFFIX = ".lock";

    /** Tells this process's folders: a lock that it looked at itself would be lost. */
    private static final String OWN_PREFIX = PREFIX + UUID.randomUUID() + "-";

    private final Path path;
    private final Path lockPath;
    private final FileChannel lock;

    private SpillFolder(Path path, Path lockPath, FileChannel lock) {
        this.path = path;
        this.lockPath = lockPath;
        this.lock = lock;
    }

    /** Makes a folder in a place, which is made too where it is not there. */
    public static synchronized SpillFolder in(Path place) throws IOException {
        Files.createDirectories(place);
        sweep(place);
        Path path = Files.createTempDirectory(place, OWN_PREFIX); // for nobody else's eyes
        Path lockPath = path.resolveSibling(path.getFileName() + LOCK_SUFFIX);
        FileChannel lock = FileChannel.open(lockPath, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        SpillFolder folder = new SpillFolder(path, lockPath, lock);
        // Whoever sweeps may have come between.
        if (lock.tryLock() == null || !Files.exists(lockPath)) {
            folder.close();
            throw new IOException("another process has just deleted " + path);
        }
        return folder;
    }

    /** Where files may be put. */
    public Path path() {
        return path;
    }

    /** Deletes the folders of processes that are no more. */
    private static void sweep(Path place) throws IOException {
        try (DirectoryStream<Path> locks = Files.newDirectoryStream(place, PREFIX + "*" + LOCK_SUFFIX)) {
            for (Path lockPath : locks) {
                boolean isOwn = lockPath.getFileName().toString().startsWith(OWN_PREFIX);
                if (!isOwn && Files.isWritable(lockPath)) { // other users may use the same place
                    deleteIfFree(lockPath);
                }
            }
        }
    }

    private static void deleteIfFree(Path lockPath) throws IOException {
        try (FileChannel channel = FileChannel.open(lockPath, StandardOpenOption.WRITE);
                @Nullable FileLock free = channel.tryLock()) {
            if (free != null) {
                String name = lockPath.getFileName().toString();
                deleteAll(lockPath.resolveSibling(name.substring(0, name.length() - LOCK_SUFFIX.length())));
                Files.deleteIfExists(lockPath);
            }
        } catch (NoSuchFileException e) {
            // Its process, or another that sweeps, has just deleted it.
            return;
        }
    }

    private static void deleteAll(Path folder) throws IOException {
        if (Files.isDirectory(folder)) {
            try (Stream<Path> paths = Files.walk(folder)) {
                for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(path);
                }
            }
        }
    }

    /** Deletes the folder with all that is in it. */
    @Override
    public void close() throws IOException {
        try (lock) {
            deleteAll(path);
            Files.deleteIfExists(lockPath);
        }
    }
}
