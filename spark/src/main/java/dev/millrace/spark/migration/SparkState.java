package dev.millrace.spark.migration;

import static org.apache.spark.sql.functions.collect_list;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.snapshot.SnapshotFileWriter;
import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.engine.snapshot.StateIndex;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.checkpointing.CheckpointFileManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The state that stock Spark keeps in a query's checkpoint, read by Spark's own {@code statestore} source, whichever
 * store provider wrote it.
 *
 * <p>Thread: the query's. Errors: UNSUPPORTED_CHECKPOINT for what cannot be brought over; Spark's own; IOException.
 */
public final class SparkState {
    private static final Logger LOG = LoggerFactory.getLogger(SparkState.class);
    private static final String FOLDER = "state";

    private final SparkSession session;
    private final String checkpoint;
    private final StreamGraph graph;

    /** @param graph the query's, whose operators take the state */
    public SparkState(SparkSession session, String checkpoint, StreamGraph graph) {
        this.session = session;
        this.checkpoint = checkpoint;
        this.graph = graph;
    }

    /** Whether a checkpoint holds any. */
    public static boolean isThere(CheckpointFileManager files, Path checkpoint) {
        Path folder = new Path(checkpoint, FOLDER);
        return files.exists(folder) && files.list(folder).length > 0;
    }

    /**
     * Writes a snapshot of the state behind an epoch that Spark has committed, and returns the index of it alone.
     *
     * @param before the index without any state
     * @param watermarkMillis the query's watermark behind that epoch; 0 where it has none
     * @param attempt tells the file from others
     */
    public StateIndex bringOver(
            long epoch, StateIndex before, long watermarkMillis, SnapshotStorage storage, String attempt)
            throws IOException {
        long watermarkMicros = watermarkMillis == 0 ? Long.MIN_VALUE : TimeUnit.MILLISECONDS.toMicros(watermarkMillis);
        List<KeyedOperator> operators = KeyedOperator.inSparksOrder(graph, watermarkMicros);
        List<StoredOperator> stored = stored(epoch);
        if (stored.size() != operators.size()) {
            throw refused("it is of operators %s, and the query has %s"
                    .formatted(stored.stream().map(StoredOperator::name).toList(), names(operators)));
        }
        String file = StoredSnapshot.fileName(epoch, attempt);
        long entries = 0;
        try (SnapshotFileWriter writer = new SnapshotFileWriter(storage, file)) {
            for (int i = 0; i < stored.size(); i++) {
                Transfer transfer = new Transfer(operators.get(i), stored.get(i), before.keyGroupCount(), writer);
                entries += new OperatorCopy(transfer).write();
            }
            StoredSnapshot snapshot = new StoredSnapshot(file, writer.finish());
            LOG.info("Brought {} entries of Spark's state over: checkpoint={}, epoch={}.", entries, checkpoint, epoch);
            return before.with(List.of(snapshot));
        }
    }

    /** Spark's operators, by its own metadata. */
    private List<StoredOperator> stored(long epoch) {
        List<StoredOperator> stored = new ArrayList<>();
        for (Row row : session.read()
                .format("state-metadata")
                .option("batchId", epoch)
                .load(checkpoint)
                .groupBy("operatorId", "operatorName", "operatorProperties")
                .agg(collect_list("stateStoreName"))
                .orderBy("operatorId")
                .collectAsList()) {
            String properties = row.isNullAt(2) ? "" : row.getString(2);
            stored.add(new StoredOperator(
                    session, checkpoint, epoch, (int) row.getLong(0), row.getString(1), row.getList(3), properties));
        }
        return stored;
    }

    private static List<String> names(List<KeyedOperator> operators) {
        return operators.stream().map(operator -> operator.factory().name()).toList();
    }

    static MillraceException refused(String fact) {
        return new MillraceException(
                ErrorCode.UNSUPPORTED_CHECKPOINT,
                ("Cannot bring the state of stock Spark over: %s. Unset spark.millrace.checkpoint.import and run the query "
                                + "on Spark's own engine, or start with a new checkpoint location.")
                        .formatted(fact));
    }
}
