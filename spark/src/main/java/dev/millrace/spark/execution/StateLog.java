package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.graph.Durability;
import dev.millrace.engine.graph.StageBody;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.snapshot.Manifest;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.RestoredState;
import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The manifests of a stateful query's epochs, beside Spark's own logs. An epoch's manifest stands
 * between its entries in the offset log and in the commit log, so every epoch that is committed can be
 * restored.
 *
 * <p>Thread: the query's.
 *
 * <p>Errors: UNSUPPORTED_CHECKPOINT for state that is not this query's, STATE_CORRUPT.
 */
final class StateLog {
    private static final Logger LOG = LoggerFactory.getLogger(StateLog.class);

    private final SnapshotStorage storage;
    private final String runId;
    private final int epochsToKeep;
    private final Map<Long, Set<String>> filesOfEpochs = new HashMap<>();
    private Manifest manifest;
    private int attempts;
    private int storedSincePurge;

    private StateLog(SnapshotStorage storage, String runId, int epochsToKeep, Manifest manifest) {
        this.storage = storage;
        this.runId = runId;
        this.epochsToKeep = epochsToKeep;
        this.manifest = manifest;
    }

    /**
     * Opens the log of a query.
     *
     * @param runId tells this run's files from those of others
     * @param epochsToKeep how many epochs stay restorable
     * @param restoredEpoch the epoch to go on behind, or -1 for a start without state
     */
    static StateLog open(
            SnapshotStorage storage,
            String runId,
            int epochsToKeep,
            long restoredEpoch,
            StreamGraph graph,
            int keyGroupCount) {
        Map<OperatorId, String> operators = statefulOperators(graph);
        if (restoredEpoch < 0) {
            return new StateLog(storage, runId, epochsToKeep, Manifest.empty(keyGroupCount, operators));
        }
        try {
            Manifest manifest = Manifest.load(storage, restoredEpoch);
            requireSame(manifest, keyGroupCount, operators);
            return new StateLog(storage, runId, epochsToKeep, manifest);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<OperatorId, String> statefulOperators(StreamGraph graph) {
        Map<OperatorId, String> operators = new TreeMap<>();
        for (StreamGraph.Stage stage : graph.stages()) {
            List<OperatorFactory> chain = stage.body() instanceof StageBody.Reading reading
                    ? reading.chain()
                    : stage.body() instanceof StageBody.Operating operating ? operating.chain() : List.of();
            for (int i = 0; i < chain.size(); i++) {
                if (chain.get(i).keepsState()) {
                    operators.put(new OperatorId(stage.id(), i), chain.get(i).name());
                }
            }
        }
        return operators;
    }

    private static void requireSame(Manifest manifest, int keyGroupCount, Map<OperatorId, String> operators) {
        if (!manifest.operators().equals(operators)) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    ("Cannot continue from the checkpoint: its state is of operators %s, the query has %s. Give the query "
                                    + "the shape that it had, or a new checkpoint location.")
                            .formatted(manifest.operators(), operators));
        }
        if (manifest.keyGroupCount() != keyGroupCount) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    ("Cannot continue from the checkpoint: its state has keyGroups=%d, the query %d. Set "
                                    + "spark.sql.shuffle.partitions to the former, or give a new checkpoint location.")
                            .formatted(manifest.keyGroupCount(), keyGroupCount));
        }
    }

    /** Where the next dataflow's state comes from and goes to. */
    Durability durability() {
        RestoredState restored = manifest.files().isEmpty() ? null : new RestoredState(storage, manifest);
        return new Durability(storage, runId + "-" + attempts++, restored);
    }

    /** Makes a completed epoch restorable. */
    void store(CompletedEpoch completed) {
        StoredSnapshot snapshot = completed
                .snapshot()
                .orElseThrow(() -> new IllegalStateException(
                        "Epoch %d has no snapshot though its query keeps state.".formatted(completed.epoch())));
        store(manifest.with(completed.epoch(), snapshot));
    }

    /** Says that an epoch left the state as it was. */
    void storeUnchanged(long epoch) {
        store(new Manifest(epoch, manifest.keyGroupCount(), manifest.operators(), manifest.files()));
    }

    private void store(Manifest next) {
        try {
            next.store(storage);
        } catch (IOException e) {
            throw new MillraceException(
                    ErrorCode.STATE_STORAGE,
                    "Cannot make epoch=%d restorable: error=%s. Check that the checkpoint location can be written."
                            .formatted(next.epoch(), e),
                    e);
        }
        filesOfEpochs.put(next.epoch(), next.allFiles());
        manifest = next;
    }

    /**
     * Deletes manifests that are older than the epochs to keep, and files that no other manifest names.
     * Looks at storage only when a tenth of the epochs to keep has come since the last time.
     */
    void purge() {
        if (++storedSincePurge < Math.max(1, epochsToKeep / 10)) {
            return;
        }
        storedSincePurge = 0;
        try {
            List<Long> epochs = Manifest.epochs(storage);
            List<Long> old = epochs.subList(0, Math.max(0, epochs.size() - epochsToKeep));
            if (!old.isEmpty()) {
                deleteAllBut(epochs.subList(old.size(), epochs.size()), old);
            }
        } catch (IOException e) {
            LOG.warn("State files that are no longer needed could not be deleted; a later epoch tries again.", e);
        }
    }

    private void deleteAllBut(List<Long> kept, List<Long> old) throws IOException {
        Set<String> needed = new HashSet<>(manifest.allFiles());
        filesOfEpochs.keySet().retainAll(kept);
        for (long epoch : kept) {
            Set<String> known = filesOfEpochs.get(epoch);
            if (known == null) {
                known = Manifest.load(storage, epoch).allFiles();
                filesOfEpochs.put(epoch, known);
            }
            needed.addAll(known);
        }
        for (long epoch : old) {
            storage.delete(Manifest.fileName(epoch));
        }
        for (String file : storage.list(StoredSnapshot.FOLDER)) {
            String name = StoredSnapshot.FOLDER + "/" + file;
            if (!needed.contains(name) && isBehind(file, manifest.epoch())) {
                storage.delete(name);
            }
        }
    }

    /** Whether a snapshot file is of an epoch up to this one; a later one is about to be named by a manifest. */
    private static boolean isBehind(String file, long epoch) {
        int dash = file.indexOf('-');
        String number = dash < 0 ? "" : file.substring(0, dash);
        return !number.isEmpty() && number.chars().allMatch(Character::isDigit) && Long.parseLong(number) <= epoch;
    }
}
