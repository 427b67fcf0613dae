package dev.millrace.spark.outside;

import dev.millrace.spark.batches.PlainFileSystem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.Path;

/**
 * A store that all processes of a cluster share, under {@code shared://store/}, which does not count as a local disk. It
 * notes which process reads and writes which file.
 */
public final class SharedStore extends PlainFileSystem.Disk {
    private static final URI ROOT = URI.create("shared://store");
    private static final String NOTES = "fs.shared.notes";

    /**
     * What makes the scheme known to an application.
     *
     * @param notes the file of its notes
     */
    public static Map<String, String> settings(java.nio.file.Path notes) {
        return Map.of(
                "spark.hadoop.fs.shared.impl",
                SharedStore.class.getName(),
                "spark.hadoop." + NOTES,
                notes.toAbsolutePath().toString());
    }

    /** Where a folder of this machine is in the store. */
    public static String location(java.nio.file.Path folder) {
        return ROOT + folder.toAbsolutePath().toString();
    }

    /** The snapshot files that a process has read so far. */
    public static Set<String> snapshotsRead(java.nio.file.Path notes, long process) throws IOException {
        return snapshots(notes, process + " reads ");
    }

    /** The snapshot files that a process has written so far. */
    public static Set<String> snapshotsWritten(java.nio.file.Path notes, long process) throws IOException {
        return snapshots(notes, process + " writes ");
    }

    private static Set<String> snapshots(java.nio.file.Path notes, String prefix) throws IOException {
        return Files.readAllLines(notes).stream()
                .filter(line -> line.startsWith(prefix) && line.endsWith(".snapshot"))
                .map(line -> line.substring(prefix.length()))
                .collect(Collectors.toSet());
    }

    @Override
    public URI getUri() {
        return ROOT;
    }

    private void note(String what, Path path) {
        try {
            Files.writeString(
                    java.nio.file.Path.of(getConf().get(NOTES)),
                    "%d %s %s\n".formatted(ProcessHandle.current().pid(), what, path.getName()),
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public FSDataInputStream open(Path path, int bufferSize) throws IOException {
        note("reads", path);
        return super.open(path, bufferSize);
    }

    /** A checkpoint's files appear under their names by a rename. */
    @Override
    public boolean rename(Path from, Path to) throws IOException {
        note("writes", to);
        return super.rename(from, to);
    }
}
