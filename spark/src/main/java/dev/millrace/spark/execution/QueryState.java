package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.CommitProtocol.Found;
import dev.millrace.engine.epoch.ManifestLog;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.StateIndex;
import dev.millrace.engine.snapshot.StatefulOperator;
import dev.millrace.spark.checkpoint.StateFiles;
import dev.millrace.spark.cluster.StatePlace;
import dev.millrace.spark.key.StateColumns;
import dev.millrace.spark.migration.SparkState;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What state a query keeps, and where it finds it again.
 *
 * <p>Thread: the query's.
 *
 * <p>Errors: UNSUPPORTED_CHECKPOINT for state that is not this query's, STATE_CORRUPT.
 */
final class QueryState implements AutoCloseable {
    private final StateFiles storage;
    private final ManifestLog manifests;
    private final String runId;
    private final int keyGroupCount;
    private final Map<OperatorId, StatefulOperator> operators;
    private final @Nullable SparkState sparks;
    private final Map<Long, StateIndex> broughtOver = new TreeMap<>();
    private int attempts;

    /**
     * @param runId tells this run's files from those of others
     * @param graph its stateful operators count, if the query keeps state at all
     * @param sparks the state of stock Spark, or null where that is not to be brought over
     */
    QueryState(
            StateFiles storage,
            ManifestLog manifests,
            String runId,
            int keyGroupCount,
            boolean isStateful,
            StreamGraph graph,
            @Nullable SparkState sparks) {
        this.storage = storage;
        this.manifests = manifests;
        this.runId = runId;
        this.keyGroupCount = keyGroupCount;
        this.sparks = sparks;
        this.operators = isStateful ? statefulOperators(graph) : Map.of();
    }

    private static Map<OperatorId, StatefulOperator> statefulOperators(StreamGraph graph) {
        Map<OperatorId, StatefulOperator> operators = new TreeMap<>();
        for (StreamGraph.Stage stage : graph.stages()) {
            List<OperatorFactory> chain = stage.body().chain();
            for (int i = 0; i < chain.size(); i++) {
                OperatorFactory operator = chain.get(i);
                if (operator.keepsState()) {
                    operators.put(
                            new OperatorId(stage.id(), i), new StatefulOperator(operator.name(), operator.states()));
                }
            }
        }
        return operators;
    }

    /**
     * The state that a start goes on from; empty before the first epoch. A query without state needs no manifest, so it
     * can go on behind epochs that stock Spark ran; one with state brings over what Spark kept, where it is to.
     */
    StateIndex behind(Checkpoint.Start start, Found found) throws IOException {
        long epoch = start.restoredEpoch();
        StateIndex none = StateIndex.empty(keyGroupCount, operators);
        if (operators.isEmpty() || epoch < 0) {
            return none;
        }
        boolean isDecided = found.decided().isPresent() && found.epoch() == epoch;
        if (sparks != null && !isDecided && manifests.find(epoch).isEmpty()) {
            return broughtOver(sparks, epoch, none, start.watermarkMillis());
        }
        StateIndex state = (isDecided ? found.decided().get() : manifests.require(epoch)).state();
        requireSame(state);
        return state;
    }

    /** Once in a run, for recovery asks more than once; so no name is written twice. */
    private StateIndex broughtOver(SparkState from, long epoch, StateIndex none, long watermarkMillis)
            throws IOException {
        StateIndex state = broughtOver.get(epoch);
        if (state == null) {
            state = from.bringOver(epoch, none, watermarkMillis, storage, runId + "-import");
            broughtOver.put(epoch, state);
        }
        return state;
    }

    private void requireSame(StateIndex state) {
        if (!names(state.operators()).equals(names(operators))) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    ("Cannot continue from the checkpoint: its state is of operators %s, the query has %s. Give the query "
                                    + "the shape that it had, or a new checkpoint location.")
                            .formatted(names(state.operators()), names(operators)));
        }
        operators.forEach((id, operator) ->
                requireSame(operator, Objects.requireNonNull(state.operators().get(id))));
        if (state.keyGroupCount() != keyGroupCount) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    ("Cannot continue from the checkpoint: its state has keyGroups=%d, the query %d. Set "
                                    + "spark.sql.shuffle.partitions to the former, or give a new checkpoint location.")
                            .formatted(state.keyGroupCount(), keyGroupCount));
        }
    }

    private static Map<OperatorId, String> names(Map<OperatorId, StatefulOperator> operators) {
        Map<OperatorId, String> names = new TreeMap<>();
        operators.forEach((id, operator) -> names.put(id, operator.name()));
        return names;
    }

    /** Errors: UNSUPPORTED_CHECKPOINT where entries hold other columns than the query's. */
    private static void requireSame(StatefulOperator operator, StatefulOperator stored) {
        boolean isSame = stored.states().size() == operator.states().size();
        for (int i = 0; isSame && i < stored.states().size(); i++) {
            isSame = StateColumns.isReadAs(
                    stored.states().get(i), operator.states().get(i));
        }
        if (!isSame) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    ("Cannot continue from the checkpoint: the state of operator=%s holds %s, the query's holds %s. Give "
                                    + "the columns the types that they had, or a new checkpoint location.")
                            .formatted(operator.name(), describe(stored), describe(operator)));
        }
    }

    private static List<String> describe(StatefulOperator operator) {
        return operator.states().stream().map(StateColumns::describe).toList();
    }

    /** Where the next attempt's state comes from and goes to; null for a query without state. */
    @Nullable
    StatePlace place(StateIndex from, long localCopyBytes) {
        return operators.isEmpty() ? null : StatePlace.of(storage, runId + "-" + attempts++, localCopyBytes, from);
    }

    /** Lets go of what this process keeps of it. */
    @Override
    public void close() {
        StatePlace.forget(storage);
    }
}
