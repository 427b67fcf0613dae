package dev.millrace.spark.sink.file;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.jspecify.annotations.Nullable;

/** The files that one task wrote in an epoch: its message to the commit. */
record TaskFiles(ArrayList<WrittenFile> files) implements WriterCommitMessage, Serializable {

    static List<WrittenFile> all(@Nullable WriterCommitMessage[] messages) {
        List<WrittenFile> all = new ArrayList<>();
        for (WriterCommitMessage message : messages) {
            if (message != null) {
                all.addAll(((TaskFiles) message).files);
            }
        }
        return all;
    }
}
