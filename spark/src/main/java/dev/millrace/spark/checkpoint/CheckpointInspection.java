package dev.millrace.spark.checkpoint;

import dev.millrace.engine.epoch.Manifest;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.StatefulOperator;
import dev.millrace.spark.checkpoint.EpochFiles.Kept;
import dev.millrace.spark.key.StateColumns;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.NavigableSet;
import org.apache.hadoop.util.StringUtils.TraditionalBinaryPrefix;

/** Tells what is in a checkpoint: its epochs, and of one of them the offsets, operators and files. */
final class CheckpointInspection {
    private final StoredCheckpoint checkpoint;
    private final PrintStream output;

    CheckpointInspection(StoredCheckpoint checkpoint, PrintStream output) {
        this.checkpoint = checkpoint;
        this.output = output;
    }

    /** Tells of all epochs, and more of one. Errors: UNSUPPORTED_CHECKPOINT, STATE_CORRUPT, IOException. */
    void print(long epoch) throws IOException {
        output.printf("checkpoint  %s%nquery       %s%n%n", checkpoint.location(), checkpoint.queryId());
        NavigableSet<Long> committed = checkpoint.committedEpochs();
        output.printf("%10s  %-10s  %-36s  %5s%n", "epoch", "state", "run", "files");
        for (StoredCheckpoint.Decision decision : checkpoint.decisions()) {
            printDecision(decision, committed);
        }
        printEpoch(checkpoint.committed(epoch));
    }

    private void printDecision(StoredCheckpoint.Decision decision, NavigableSet<Long> committed) {
        long epoch = decision.epoch();
        if (decision.standing() instanceof StoredCheckpoint.Readable readable) {
            String state = committed.contains(epoch) ? "committed" : "decided";
            int files = readable.manifest().state().allFiles().size();
            output.printf(
                    "%10d  %-10s  %-36s  %5d%n",
                    epoch, state, readable.manifest().run(), files);
        } else if (decision.standing() instanceof StoredCheckpoint.Fenced fenced) {
            output.printf("%10d  %-10s  %-36s%n", epoch, "next", fenced.run());
        } else if (decision.standing() instanceof StoredCheckpoint.Damaged damaged) {
            output.printf("%10d  %-10s  %s%n", epoch, "damaged", damaged.error().getMessage());
        }
    }

    private void printEpoch(Manifest manifest) throws IOException {
        output.printf("%nepoch %d, as Spark's offset log has it%n", manifest.epoch());
        new String(manifest.offsets(), StandardCharsets.UTF_8).lines().forEach(line -> output.printf("  %s%n", line));
        Map<OperatorId, StatefulOperator> operators = manifest.state().operators();
        if (operators.isEmpty()) {
            output.printf("%nThe query keeps no state.%n");
            return;
        }
        EpochFiles files = EpochFiles.of(checkpoint.files(), manifest);
        output.printf(
                "%nstate in %d key groups%n%8s  %6s  %10s  %8s  %10s  %10s  %s%n",
                manifest.state().keyGroupCount(),
                "operator",
                "states",
                "key groups",
                "sections",
                "size",
                "packed",
                "what it is");
        operators.forEach((id, operator) -> {
            Kept kept = files.operators().getOrDefault(id, Kept.NOTHING);
            output.printf(
                    "%8s  %6d  %10d  %8d  %10s  %10s  %s%n",
                    id,
                    kept.states(),
                    kept.keyGroups(),
                    kept.sections(),
                    size(kept.rawBytes()),
                    size(kept.packedBytes()),
                    operator.name());
            operator.states().forEach(state -> output.printf("%8s  %s%n", "", StateColumns.describe(state)));
        });
        output.printf("%n%10s  %s%n", "size", "file");
        files.files().forEach((name, sizeBytes) -> output.printf("%10s  %s%n", size(sizeBytes), name));
        output.printf("%10s  in all%n", size(files.sizeBytes()));
    }

    /** A size as people read it. */
    private static String size(long bytes) {
        return TraditionalBinaryPrefix.long2String(bytes, "B", 1);
    }
}
