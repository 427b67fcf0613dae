package dev.millrace.spark.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.engine.epoch.Manifest;
import dev.millrace.engine.epoch.ManifestLog;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * A query's checkpoint as it lies on storage, looked at from outside; the query may be running.
 *
 * <p>Thread: any; what changes meanwhile is seen or not.
 */
final class StoredCheckpoint {
    static final String METADATA = "metadata";
    static final String OFFSETS = "offsets";
    static final String COMMITS = "commits";
    static final String SOURCES = "sources";

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Path location;
    private final FileSystem fileSystem;
    private final StateFiles files;
    private final ManifestLog manifests;

    private StoredCheckpoint(Path location, FileSystem fileSystem, StateFiles files) {
        this.location = location;
        this.fileSystem = fileSystem;
        this.files = files;
        this.manifests = new ManifestLog(files);
    }

    /** Errors: UNSUPPORTED_CHECKPOINT where there is none of Millrace; IOException. */
    static StoredCheckpoint open(String location, Configuration configuration) throws IOException {
        Path path = new Path(location);
        FileSystem fileSystem = path.getFileSystem(configuration);
        StoredCheckpoint checkpoint =
                new StoredCheckpoint(fileSystem.makeQualified(path), fileSystem, StateFiles.of(path, configuration));
        if (checkpoint.manifests.slots().isEmpty()) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot read the checkpoint: location=%s holds no epoch of Millrace. Give the query's checkpointLocation."
                            .formatted(location));
        }
        return checkpoint;
    }

    Path location() {
        return location;
    }

    FileSystem fileSystem() {
        return fileSystem;
    }

    StateFiles files() {
        return files;
    }

    /** What stands in an epoch's last slot: a manifest, a fence, or neither for what it names. */
    record Decision(ManifestLog.Slot slot, Standing standing) {
        long epoch() {
            return slot.epoch();
        }
    }

    /** What a slot holds. */
    sealed interface Standing permits Readable, Fenced, Damaged {}

    record Readable(Manifest manifest) implements Standing {}

    record Fenced(String run) implements Standing {}

    record Damaged(MillraceException error) implements Standing {}

    /** All epochs that anything was decided about, the earliest first. */
    List<Decision> decisions() throws IOException {
        List<Decision> all = new ArrayList<>();
        for (ManifestLog.Slot slot : manifests.slots().values()) {
            try {
                all.add(new Decision(slot, read(slot)));
            } catch (FileNotFoundException e) {
                // The query has purged it since.
            }
        }
        return all;
    }

    private Standing read(ManifestLog.Slot slot) throws IOException {
        try {
            ManifestLog.Entry entry = manifests.read(slot);
            return entry instanceof Manifest manifest ? new Readable(manifest) : new Fenced(entry.run());
        } catch (MillraceException e) {
            return new Damaged(e);
        }
    }

    /** The manifest of a committed epoch. Errors: UNSUPPORTED_CHECKPOINT, STATE_CORRUPT, IOException. */
    Manifest committed(long epoch) throws IOException {
        if (!committedEpochs().contains(epoch)) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot read the epoch: epoch=%d is not committed, epochs that are=%s. Name one of these."
                            .formatted(epoch, committedEpochs()));
        }
        return manifests.require(epoch);
    }

    /** The last epoch that is committed and can be restored. Errors: UNSUPPORTED_CHECKPOINT, IOException. */
    long lastCommitted() throws IOException {
        TreeSet<Long> both = new TreeSet<>(committedEpochs());
        both.retainAll(manifests.slots().keySet());
        if (both.isEmpty()) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot read the checkpoint: location=%s has no committed epoch yet. Wait until the query has one."
                            .formatted(location));
        }
        return both.last();
    }

    /** The epochs in Spark's commit log. */
    NavigableSet<Long> committedEpochs() throws IOException {
        NavigableSet<Long> epochs = new TreeSet<>();
        Path folder = new Path(location, COMMITS);
        if (fileSystem.exists(folder)) {
            for (FileStatus status : fileSystem.listStatus(folder)) {
                String name = status.getPath().getName();
                if (!name.isEmpty() && name.chars().allMatch(Character::isDigit)) {
                    epochs.add(Long.parseLong(name));
                }
            }
        }
        return epochs;
    }

    /** The id that the query has in all its runs, or {@code unknown} where it never started. */
    String queryId() throws IOException {
        Path path = new Path(location, METADATA);
        if (!fileSystem.exists(path)) {
            return "unknown";
        }
        try (var input = fileSystem.open(path)) {
            JsonNode metadata = MAPPER.readTree((java.io.InputStream) input);
            return metadata.path("id").asText("unknown");
        }
    }
}
