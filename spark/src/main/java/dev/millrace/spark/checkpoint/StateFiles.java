package dev.millrace.spark.checkpoint;

import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.spark.scala.Scala;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.execution.streaming.checkpointing.CheckpointFileManager;

/**
 * Snapshot files and manifests in a folder of the query's checkpoint, on whatever file system Spark
 * keeps it. Files appear whole, by that file system's own atomic way; on local disks by {@link LocalFile}'s. Nothing
 * is created exclusively: no two runs write the same name.
 *
 * <p>Thread: any.
 */
public final class StateFiles implements SnapshotStorage {
    /** Millrace's own folder in a query's checkpoint. */
    static final String FOLDER = "millrace";

    private final Path root;
    private final Configuration configuration;
    private final CheckpointFileManager files;

    private StateFiles(Path root, Configuration configuration) {
        this.root = root;
        this.configuration = configuration;
        this.files = CheckpointFileManager.create(root, configuration);
    }

    /** Those of the query with this checkpoint. */
    public static StateFiles of(Path checkpoint, Configuration configuration) {
        return new StateFiles(new Path(checkpoint, FOLDER), configuration);
    }

    /** The query's checkpoint. */
    public Path checkpoint() {
        return root.getParent();
    }

    /** Hadoop's, by which they are reached. */
    public Configuration configuration() {
        return configuration;
    }

    @Override
    public Output begin(String name) throws IOException {
        Path path = inFolder(name);
        return isOnLocalDisk(path)
                ? LocalFile.begin(LocalCheckpointFiles.localPath(path))
                : new AtomicFile(files.createAtomic(path, true));
    }

    /** Whether reading them needs nothing but a local disk. */
    boolean areOnLocalDisk() {
        try {
            return isOnLocalDisk(root);
        } catch (IOException e) {
            throw Scala.sneaky(e); // as Spark's own access to them throws it
        }
    }

    private boolean isOnLocalDisk(Path path) throws IOException {
        return LocalCheckpointFiles.isOnLocalDisk(path, configuration);
    }

    private Path inFolder(String name) {
        Path path = new Path(root, name);
        Path folder = path.getParent();
        if (!files.exists(folder)) {
            files.mkdirs(folder);
        }
        return path;
    }

    @Override
    public Input open(String name) throws IOException {
        Path path = new Path(root, name);
        if (isOnLocalDisk(path)) {
            return LocalFile.open(LocalCheckpointFiles.localPath(path));
        }
        FSDataInputStream stream = files.open(path);
        long sizeBytes = path.getFileSystem(configuration).getFileStatus(path).getLen();
        return new Input() {
            @Override
            public long sizeBytes() {
                return sizeBytes;
            }

            @Override
            public void read(long position, byte[] into, int length) throws IOException {
                stream.readFully(position, into, 0, length);
            }

            @Override
            public void close() throws IOException {
                stream.close();
            }
        };
    }

    @Override
    public List<String> list(String folder) throws IOException {
        Path path = new Path(root, folder);
        if (isOnLocalDisk(path)) {
            return LocalFile.list(LocalCheckpointFiles.localPath(path));
        }
        try {
            return Arrays.stream(files.list(path))
                    .filter(FileStatus::isFile)
                    .map(status -> status.getPath().getName())
                    .toList();
        } catch (Exception e) {
            // Scala does not declare what it throws.
            if (e instanceof FileNotFoundException || e.getCause() instanceof FileNotFoundException) {
                return List.of();
            }
            throw Scala.sneaky(e);
        }
    }

    @Override
    public void delete(String name) {
        files.delete(new Path(root, name));
    }

    /** A file that appears whole when its stream is closed, unless that is cancelled before. */
    private static final class AtomicFile implements Output {
        private final CheckpointFileManager.CancellableFSDataOutputStream stream;
        private boolean finished;

        AtomicFile(CheckpointFileManager.CancellableFSDataOutputStream stream) {
            this.stream = stream;
        }

        @Override
        public OutputStream bytes() {
            return stream;
        }

        @Override
        public void finish() throws IOException {
            stream.close();
            finished = true;
        }

        @Override
        public void close() {
            if (!finished) {
                stream.cancel();
            }
        }
    }
}
