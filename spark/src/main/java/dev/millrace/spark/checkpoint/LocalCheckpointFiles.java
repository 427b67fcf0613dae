package dev.millrace.spark.checkpoint;

import dev.millrace.spark.scala.Scala;
import java.io.IOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.PathFilter;
import org.apache.spark.sql.execution.streaming.checkpointing.CheckpointFileManager;
import org.apache.spark.sql.internal.SQLConf;

/**
 * Writes the files of Spark's own logs as {@link LocalFile}s where they lie on a local disk, and does all else as Spark
 * does by default: a log's entry then takes no process to be written. Names and content are the same, and as by default
 * there is no checksum beside, so that stock Spark goes on with them and the other way about.
 *
 * <p>Thread: any. Made by Spark, by its setting.
 */
public final class LocalCheckpointFiles implements CheckpointFileManager {
    /** Internal in Spark, which has it for other stores than Hadoop's. */
    private static final String SETTING = "spark.sql.streaming.checkpointFileManagerClass";

    private final CheckpointFileManager sparks;
    private final boolean isLocal;

    /** As Spark calls it. */
    public LocalCheckpointFiles(Path path, Configuration configuration) throws IOException {
        Configuration withoutThis = new Configuration(configuration);
        withoutThis.unset(SETTING);
        this.sparks = CheckpointFileManager.create(path, withoutThis);
        this.isLocal = isOnLocalDisk(path, configuration);
    }

    /** Lets the logs of a query be written so, unless the user chose a class. */
    public static void useIn(SQLConf conf) {
        if (!conf.contains(SETTING)) {
            conf.setConfString(SETTING, LocalCheckpointFiles.class.getName());
        }
    }

    static boolean isOnLocalDisk(Path path, Configuration configuration) throws IOException {
        return "file".equals(path.getFileSystem(configuration).getUri().getScheme());
    }

    static java.nio.file.Path localPath(Path path) {
        return java.nio.file.Path.of(path.toUri().getPath());
    }

    @Override
    public CancellableFSDataOutputStream createAtomic(Path path, boolean overwriteIfPossible) {
        if (!isLocal) {
            return sparks.createAtomic(path, overwriteIfPossible);
        }
        try {
            return new LocalStream(path, LocalFile.begin(localPath(path)), overwriteIfPossible);
        } catch (IOException e) {
            throw Scala.sneaky(e); // as Scala's code throws it
        }
    }

    /** Appears under its name once it is closed, and never where it was cancelled. */
    private static final class LocalStream extends CancellableFSDataOutputStream {
        private final Path path;
        private final LocalFile file;
        private final boolean replaces;
        private boolean ended;

        LocalStream(Path path, LocalFile file, boolean replaces) {
            super(file.bytes());
            this.path = path;
            this.file = file;
            this.replaces = replaces;
        }

        @Override
        public synchronized void close() throws IOException {
            if (ended) {
                return;
            }
            ended = true;
            try (file) {
                flush();
                if (replaces) {
                    file.finish();
                } else if (!file.finishFirst()) {
                    throw new FileAlreadyExistsException("%s exists already".formatted(path));
                }
            }
        }

        @Override
        public synchronized void cancel() {
            if (ended) {
                return;
            }
            ended = true;
            try {
                file.close();
            } catch (IOException e) {
                throw Scala.sneaky(e);
            }
        }
    }

    @Override
    public FSDataInputStream open(Path path) {
        return sparks.open(path);
    }

    @Override
    public FileStatus[] list(Path path, PathFilter filter) {
        return sparks.list(path, filter);
    }

    @Override
    public void mkdirs(Path path) {
        sparks.mkdirs(path);
    }

    @Override
    public boolean exists(Path path) {
        return sparks.exists(path);
    }

    @Override
    public void delete(Path path) {
        sparks.delete(path);
    }

    @Override
    public boolean isLocal() {
        return sparks.isLocal();
    }

    @Override
    public Path createCheckpointDirectory() {
        return sparks.createCheckpointDirectory();
    }

    @Override
    public void close() {
        sparks.close();
    }
}
