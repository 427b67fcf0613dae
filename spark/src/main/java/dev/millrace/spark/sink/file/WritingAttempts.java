package dev.millrace.spark.sink.file;

import dev.millrace.spark.scala.Scala;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Which attempts of a query may have left files behind, noted in its checkpoint: an empty file each,
 * from before the first row is written until nothing is left uncommitted. Only when a note of an earlier
 * attempt is found has the output folder to be searched.
 *
 * <p>Thread: the query's.
 */
final class WritingAttempts {
    private static final String PREFIX = "writing-";

    private final Path folder;
    private final FileSystem storage;

    private WritingAttempts(Path folder, FileSystem storage) {
        this.folder = folder;
        this.storage = storage;
    }

    static WritingAttempts of(String checkpointRoot, Configuration configuration) {
        try {
            Path folder = new Path(new Path(checkpointRoot, "millrace"), "sink");
            return new WritingAttempts(folder, folder.getFileSystem(configuration));
        } catch (IOException e) {
            throw Scala.sneaky(e);
        }
    }

    void begin(String attempt) throws IOException {
        storage.create(note(attempt), true).close();
    }

    void end(String attempt) throws IOException {
        storage.delete(note(attempt), false);
    }

    Set<String> unended() throws IOException {
        Set<String> attempts = new HashSet<>();
        if (storage.exists(folder)) {
            for (FileStatus note : storage.listStatus(folder)) {
                String name = note.getPath().getName();
                if (name.startsWith(PREFIX)) {
                    attempts.add(name.substring(PREFIX.length()));
                }
            }
        }
        return attempts;
    }

    private Path note(String attempt) {
        return new Path(folder, PREFIX + attempt);
    }
}
