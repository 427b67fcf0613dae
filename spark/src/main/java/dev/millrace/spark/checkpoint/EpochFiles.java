package dev.millrace.spark.checkpoint;

import dev.millrace.engine.epoch.Manifest;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.snapshot.SnapshotFile;
import dev.millrace.engine.snapshot.SnapshotStorage;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What an epoch's state takes on storage, by operator and by file. Reads the files' indexes only.
 *
 * @param operators of each operator that keeps anything
 * @param files each file's size. Units: bytes
 */
record EpochFiles(Map<OperatorId, OperatorFiles> operators, Map<String, Long> files) {
    /**
     * What one operator keeps, bases and deltas together.
     *
     * @param states how many of the operator's states have entries
     * @param keyGroups how many key groups have entries
     * @param sections how many sections hold them
     * @param rawBytes their size before compression, {@code packedBytes} behind it
     */
    record OperatorFiles(int states, int keyGroups, int sections, long rawBytes, long packedBytes) {}

    /** Errors: STATE_CORRUPT, UNSUPPORTED_CHECKPOINT, IOException. */
    static EpochFiles of(SnapshotStorage storage, Manifest manifest) throws IOException {
        Map<SectionKey, List<String>> wanted = manifest.state().files();
        Map<OperatorId, Sums> sums = new TreeMap<>();
        Map<String, Long> sizes = new TreeMap<>();
        for (String file : manifest.state().allFiles()) {
            try (SnapshotStorage.Input input = storage.open(file)) {
                sizes.put(file, input.sizeBytes());
                for (SnapshotFile.Entry entry : SnapshotFile.index(input, file)) {
                    if (wanted.getOrDefault(entry.key(), List.of()).contains(file)) {
                        sums.computeIfAbsent(entry.key().operator(), operator -> new Sums())
                                .add(entry);
                    }
                }
            }
        }
        Map<OperatorId, OperatorFiles> operators = new TreeMap<>();
        sums.forEach((operator, sum) -> operators.put(operator, sum.total()));
        return new EpochFiles(operators, sizes);
    }

    long sizeBytes() {
        return files.values().stream().mapToLong(Long::longValue).sum();
    }

    private static final class Sums {
        private final Set<Integer> states = new TreeSet<>();
        private final Set<Integer> keyGroups = new TreeSet<>();
        private int sections;
        private long rawBytes;
        private long packedBytes;

        void add(SnapshotFile.Entry entry) {
            states.add(entry.key().stateIndex());
            if (!entry.key().isOfTask()) {
                keyGroups.add(entry.key().keyGroup());
            }
            sections++;
            rawBytes += entry.rawBytes();
            packedBytes += entry.packedBytes();
        }

        OperatorFiles total() {
            return new OperatorFiles(states.size(), keyGroups.size(), sections, rawBytes, packedBytes);
        }
    }
}
