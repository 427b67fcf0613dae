package dev.millrace.spark.checkpoint;

import com.github.luben.zstd.ZstdDecompressCtx;
import dev.millrace.engine.epoch.Manifest;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.snapshot.SnapshotFile;
import dev.millrace.engine.snapshot.SnapshotFileReader;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads every byte of epochs as a restart would: manifests, files, each section's checksum and records. A file that
 * several epochs need is read once.
 */
final class CheckpointVerification {
    private final StoredCheckpoint checkpoint;
    private final PrintStream output;

    /** What was found of each file: what is wrong with it, or nothing. */
    private final Map<String, Optional<String>> problems = new HashMap<>();

    private long sectionCount;
    private long recordCount;

    CheckpointVerification(StoredCheckpoint checkpoint, PrintStream output) {
        this.checkpoint = checkpoint;
        this.output = output;
    }

    /** Reads one epoch, or all for null; false when anything of them is damaged or missing. Errors: IOException. */
    boolean run(@Nullable Long wanted) throws IOException {
        NavigableSet<Long> committed = checkpoint.committedEpochs();
        List<Long> restorable = new ArrayList<>();
        boolean allWhole = true;
        int epochCount = 0;
        for (StoredCheckpoint.Decision decision : checkpoint.decisions()) {
            long epoch = decision.epoch();
            if ((wanted != null && wanted != epoch) || decision.standing() instanceof StoredCheckpoint.Fenced) {
                continue;
            }
            epochCount++;
            List<String> found = decision.standing() instanceof StoredCheckpoint.Readable readable
                    ? problemsOf(readable.manifest())
                    : List.of(String.valueOf(((StoredCheckpoint.Damaged) decision.standing())
                            .error()
                            .getMessage()));
            output.printf("epoch %d: %s%n", epoch, found.isEmpty() ? "whole" : "DAMAGED");
            found.forEach(problem -> output.printf("  %s%n", problem));
            allWhole &= found.isEmpty();
            if (found.isEmpty() && committed.contains(epoch)) {
                restorable.add(epoch);
            }
        }
        if (epochCount == 0) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot verify: epoch=%s has no manifest, committed epochs=%s. Name one that has, or none for all."
                            .formatted(wanted, committed));
        }
        output.printf(
                "%d files, %d sections, %d records read; epochs that can be restored: %s%n",
                problems.size(), sectionCount, recordCount, restorable.isEmpty() ? "none" : restorable);
        return allWhole && !restorable.isEmpty();
    }

    private List<String> problemsOf(Manifest manifest) {
        List<String> found = new ArrayList<>();
        for (String file : manifest.state().allFiles()) {
            problems.computeIfAbsent(file, this::problem).ifPresent(found::add);
        }
        return found;
    }

    private Optional<String> problem(String file) {
        try (ZstdDecompressCtx zstd = new ZstdDecompressCtx();
                SnapshotFileReader reader = new SnapshotFileReader(checkpoint.files(), file, zstd)) {
            for (SnapshotFile.Entry entry : reader.index()) {
                reader.section(entry).read(record -> recordCount++);
                sectionCount++;
            }
            return Optional.empty();
        } catch (MillraceException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        } catch (Exception e) {
            return Optional.of("file=%s cannot be read: %s".formatted(file, e));
        }
    }
}
