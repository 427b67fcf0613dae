package dev.millrace.spark.checkpoint;

import dev.millrace.engine.epoch.Manifest;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.engine.snapshot.StatefulOperator;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import org.jspecify.annotations.Nullable;

/**
 * One state of one operator in one epoch of a checkpoint, as a reader's options name it.
 *
 * @param operator the operator, as {@code inspect} shows it
 */
record StateSelection(Manifest manifest, OperatorId operator, StateSchema schema) {
    static final String PATH = "path";
    static final String EPOCH = "epoch";
    private static final String OPERATOR = "operator";
    private static final String STATE = "state";

    /** Errors: UNSUPPORTED_CHECKPOINT where the options name nothing that is there, or more than one; IOException. */
    static StateSelection of(StoredCheckpoint checkpoint, CaseInsensitiveStringMap options) throws IOException {
        Manifest manifest = checkpoint.committed(epoch(checkpoint, options));
        Map<String, OperatorId> operators = new TreeMap<>();
        Map<OperatorId, List<StateSchema>> states = new TreeMap<>();
        for (Map.Entry<OperatorId, StatefulOperator> entry :
                manifest.state().operators().entrySet()) {
            List<StateSchema> ofOperator = OperatorStates.of(checkpoint, manifest, entry.getKey());
            if (!ofOperator.isEmpty()) {
                operators.put(entry.getKey().toString(), entry.getKey());
                states.put(entry.getKey(), ofOperator);
            }
        }
        OperatorId operator = chosen(OPERATOR, options.get(OPERATOR), operators, checkpoint, manifest);
        Map<String, StateSchema> named = new TreeMap<>();
        states.getOrDefault(operator, List.of()).forEach(schema -> named.put(schema.name(), schema));
        return new StateSelection(manifest, operator, chosen(STATE, options.get(STATE), named, checkpoint, manifest));
    }

    /** The epoch that the options name, or the last that is committed. */
    static long epoch(StoredCheckpoint checkpoint, CaseInsensitiveStringMap options) throws IOException {
        return options.containsKey(EPOCH) ? options.getLong(EPOCH, -1) : checkpoint.lastCommitted();
    }

    /** The location that the options name. Errors: UNSUPPORTED_CHECKPOINT where they name none. */
    static String location(CaseInsensitiveStringMap options) {
        String path = options.get(PATH);
        if (path == null) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot read state: option path is not set. Set it to the query's checkpointLocation.");
        }
        return path;
    }

    /** What is named, or the only one there is. */
    private static <T> T chosen(
            String option,
            @Nullable String name,
            Map<String, T> known,
            StoredCheckpoint checkpoint,
            Manifest manifest) {
        if (name == null && known.size() == 1) {
            return known.values().iterator().next();
        }
        T found = name == null ? null : known.get(name);
        if (found == null) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot read state: location=%s, epoch=%d, option %s=%s, of those there are=%s. Name one of these."
                            .formatted(checkpoint.location(), manifest.epoch(), option, name, known.keySet()));
        }
        return found;
    }

    /** The sections that hold entries of this state, and the files that each is in. */
    Map<SectionKey, List<String>> files() {
        Map<SectionKey, List<String>> files = new HashMap<>(manifest.state().files());
        files.keySet()
                .removeIf(key ->
                        !key.operator().equals(operator) || key.stateIndex() != schema.index() || key.isOfTask());
        return files;
    }
}
