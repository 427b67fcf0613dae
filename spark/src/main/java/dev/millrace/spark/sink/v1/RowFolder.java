package dev.millrace.spark.sink.v1;

import dev.millrace.spark.scala.Scala;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.util.SerializableConfiguration;

/** The folder of a checkpoint where rows wait for their epoch's commit. Thread: any; executors have copies. */
record RowFolder(String path, SerializableConfiguration configuration) implements Serializable {
    private static final long serialVersionUID = 1L;

    FSDataOutputStream create(String file) throws IOException {
        return storage().create(new Path(path, file), false);
    }

    FSDataInputStream open(String file) throws IOException {
        return storage().open(new Path(path, file));
    }

    /** Deletes files; nothing happens to those that are gone. */
    void delete(List<String> files) {
        try {
            for (String file : files) {
                storage().delete(new Path(path, file), false);
            }
        } catch (IOException e) {
            throw Scala.sneaky(e);
        }
    }

    /** All files that there are. */
    List<String> list() {
        try {
            List<String> names = new ArrayList<>();
            if (storage().exists(new Path(path))) {
                for (FileStatus file : storage().listStatus(new Path(path))) {
                    names.add(file.getPath().getName());
                }
            }
            return names;
        } catch (IOException e) {
            throw Scala.sneaky(e);
        }
    }

    private FileSystem storage() throws IOException {
        return new Path(path).getFileSystem(configuration.value());
    }
}
