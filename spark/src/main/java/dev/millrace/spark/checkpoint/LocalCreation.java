package dev.millrace.spark.checkpoint;

import dev.millrace.engine.snapshot.SnapshotStorage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * Creates a file on a local disk, whole and for one creator only: it is written under another name and
 * then linked to its own, which fails where that is taken. A rename would replace what is there.
 *
 * <p>Thread: any. Errors: IOException.
 */
final class LocalCreation {
    private LocalCreation() {}

    /** False when there is a file of that name already. */
    static boolean create(Path path, SnapshotStorage.Body body) throws IOException {
        Path whole = path.resolveSibling("." + path.getFileName() + "." + UUID.randomUUID() + ".tmp");
        try {
            try (FileChannel channel =
                    FileChannel.open(whole, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                OutputStream output = Channels.newOutputStream(channel);
                body.writeTo(output);
                channel.force(true);
            }
            publish(whole, path);
            return true;
        } catch (FileAlreadyExistsException e) {
            return false;
        } finally {
            Files.deleteIfExists(whole);
        }
    }

    private static void publish(Path whole, Path path) throws IOException {
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
