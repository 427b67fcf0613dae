package dev.millrace.spark.cluster;

import dev.millrace.engine.graph.Durability;
import dev.millrace.engine.snapshot.RestoredState;
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
 * @param from the state to start from
 */
public record StatePlace(
        String checkpointRoot, SerializableConfiguration configuration, String attempt, StateIndex from)
        implements Serializable {
    /** @param files those of the query's checkpoint */
    public static StatePlace of(StateFiles files, String attempt, StateIndex from) {
        return new StatePlace(
                files.checkpoint().toString(), new SerializableConfiguration(files.configuration()), attempt, from);
    }

    /** The same, open in this process. */
    Durability open() {
        StateFiles files = StateFiles.of(new Path(checkpointRoot), configuration.value());
        return new Durability(files, attempt, from.files().isEmpty() ? null : new RestoredState(files, from));
    }
}
