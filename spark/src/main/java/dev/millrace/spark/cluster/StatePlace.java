package dev.millrace.spark.cluster;

import dev.millrace.engine.graph.Durability;
import dev.millrace.engine.snapshot.RestoredState;
import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.engine.snapshot.StateIndex;
import dev.millrace.spark.checkpoint.StateFiles;
import java.io.Serializable;
import org.apache.hadoop.fs.Path;
import org.apache.spark.util.SerializableConfiguration;

/**
 * Where an attempt's workers find a query's state, and where they keep it.
 *
 * @param checkpointRoot the checkpoint's location
 * @param configuration Hadoop's, of the query's session
 * @param attempt tells the attempt's files from those of any other
 * @param localCopyBytes how much local copies of snapshot files may take on each process's disk; 0 for none
 * @param from the state to start from
 */
public record StatePlace(
        String checkpointRoot,
        SerializableConfiguration configuration,
        String attempt,
        long localCopyBytes,
        StateIndex from)
        implements Serializable {
    /** @param files those of the query's checkpoint */
    public static StatePlace of(StateFiles files, String attempt, long localCopyBytes, StateIndex from) {
        return new StatePlace(
                files.checkpoint().toString(),
                new SerializableConfiguration(files.configuration()),
                attempt,
                localCopyBytes,
                from);
    }

    /** The same, open in this process. */
    Durability open() {
        StateFiles files = StateFiles.of(new Path(checkpointRoot), configuration.value());
        SnapshotStorage storage = StateMemory.copies().over(files, from, localCopyBytes);
        return new Durability(storage, attempt, from.files().isEmpty() ? null : new RestoredState(storage, from));
    }

    /** A query has ended in this process, which needs no local copies for it any more. */
    public static void forget(StateFiles files) {
        StateMemory.copies().forget(files);
    }
}
