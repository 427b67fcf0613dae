package dev.millrace.spark.sink.v1;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.jspecify.annotations.Nullable;

/**
 * The rows of one task and epoch: its message to the commit.
 *
 * @param file the name of the file that holds them, or null when {@code packed} does
 * @param packed one packed block of rows; empty when there is a file
 * @param rawBytes how much memory the rows take
 */
record KeptRows(@Nullable String file, byte[] packed, long rowCount, long rawBytes)
        implements WriterCommitMessage, Serializable {
    private static final long serialVersionUID = 1L;

    /** The messages that have rows, in the order of their tasks. */
    static List<KeptRows> withRows(@Nullable WriterCommitMessage[] messages) {
        List<KeptRows> parts = new ArrayList<>();
        for (WriterCommitMessage message : messages) {
            if (message instanceof KeptRows rows && rows.rowCount > 0) {
                parts.add(rows);
            }
        }
        return parts;
    }

    static List<String> files(List<KeptRows> parts) {
        List<String> files = new ArrayList<>();
        for (KeptRows part : parts) {
            if (part.file != null) {
                files.add(part.file);
            }
        }
        return files;
    }
}
