package dev.millrace.spark.checkpoint;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.engine.epoch.Ballot;
import dev.millrace.engine.epoch.Manifest;
import dev.millrace.engine.epoch.ManifestLog;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.io.IOException;
import java.util.Map;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FileUtil;
import org.apache.hadoop.fs.Path;

/**
 * A committed epoch as a checkpoint of its own, which a query goes on from. It has a query id of its own, so that the
 * first query and one that starts from the copy do not get into each other's way, in sessions or in sinks' transactions.
 *
 * <p>The commit log's entry comes last: a copy that was broken off has none, and no query goes on from it.
 */
final class Savepoint {
    private final StoredCheckpoint checkpoint;
    private final Configuration configuration;

    Savepoint(StoredCheckpoint checkpoint, Configuration configuration) {
        this.checkpoint = checkpoint;
        this.configuration = configuration;
    }

    /**
     * Copies an epoch into a folder that is not there yet, or empty.
     *
     * <p>Errors: UNSUPPORTED_CHECKPOINT when the epoch is not committed or the folder is not empty; IOException, also
     * when a running query has purged the epoch meanwhile.
     */
    void write(long epoch, String target) throws IOException {
        Manifest manifest = checkpoint.committed(epoch);
        Path to = new Path(target);
        FileSystem system = to.getFileSystem(configuration);
        if (system.exists(to) && system.listStatus(to).length > 0) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot export epoch=%d: folder=%s is not empty. Name another.".formatted(epoch, target));
        }
        for (String name : manifest.state().allFiles()) {
            copy(StateFiles.FOLDER + "/" + name, to, system);
        }
        new ManifestLog(StateFiles.of(to, configuration))
                .write(ManifestLog.Slot.ofManifest(epoch, Ballot.LOWEST), manifest);
        copy(StoredCheckpoint.SOURCES, to, system);
        write(system, new Path(to, StoredCheckpoint.OFFSETS + "/" + epoch), manifest.offsets());
        write(
                system,
                new Path(to, StoredCheckpoint.METADATA),
                new ObjectMapper()
                        .writeValueAsBytes(Map.of("id", UUID.randomUUID().toString())));
        copy(StoredCheckpoint.COMMITS + "/" + epoch, to, system);
    }

    /** Copies a file or folder as it is, where it is there. */
    private void copy(String name, Path to, FileSystem system) throws IOException {
        Path from = new Path(checkpoint.location(), name);
        if (checkpoint.fileSystem().exists(from)) {
            Path target = new Path(to, name);
            boolean made = system.mkdirs(target.getParent());
            if (!made || !FileUtil.copy(checkpoint.fileSystem(), from, system, target, false, false, configuration)) {
                throw new IOException("%s could not be copied to %s.".formatted(from, target));
            }
        }
    }

    private static void write(FileSystem system, Path path, byte[] bytes) throws IOException {
        try (var output = system.create(path, false)) {
            output.write(bytes);
        }
    }
}
