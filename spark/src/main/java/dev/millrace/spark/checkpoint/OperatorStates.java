package dev.millrace.spark.checkpoint;

import dev.millrace.engine.epoch.Manifest;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.RestoredState;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.function.VariableDescription;
import dev.millrace.spark.key.StateColumns;
import dev.millrace.spark.scala.Scala;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.sql.types.StructType;

/** What states an operator keeps: those of its manifest, and the variables that its processor has described itself. */
final class OperatorStates {
    private OperatorStates() {}

    /** Errors: STATE_CORRUPT, IOException. */
    static List<StateSchema> of(StoredCheckpoint checkpoint, Manifest manifest, OperatorId operator)
            throws IOException {
        List<StateSchema> states = new ArrayList<>(
                Objects.requireNonNull(manifest.state().operators().get(operator))
                        .states());
        for (StateSchema known : List.copyOf(states)) {
            if (known.kind() == StateSchema.Kind.TIMES) {
                states.addAll(variables(checkpoint, manifest, operator, StateColumns.parse(known.key())));
            }
        }
        return states;
    }

    private static List<StateSchema> variables(
            StoredCheckpoint checkpoint, Manifest manifest, OperatorId operator, StructType key) throws IOException {
        Map<String, StateSchema> byName = new LinkedHashMap<>(); // every task has described all of them
        RestoredState restored = new RestoredState(checkpoint.files(), manifest.state());
        reading(() -> restored.read(operator, keyGroup -> false, section -> describe(section, key, byName)));
        return List.copyOf(byName.values());
    }

    private static void describe(Section task, StructType key, Map<String, StateSchema> byName) throws Exception {
        task.read(entry -> {
            if (entry.key().sizeBytes() > 0) { // the task's watermark has none
                StateSchema schema =
                        VariableDescription.of(entry.key(), entry.value()).schema(key);
                byName.put(schema.name(), schema);
            }
        });
    }

    /** Reads snapshots. */
    @FunctionalInterface
    interface Reading {
        void run() throws Exception;
    }

    /** Runs what may throw what it likes, for callers that know of storage alone. */
    static void reading(Reading reading) throws IOException {
        try {
            reading.run();
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw Scala.sneaky(e);
        }
    }
}
