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
 * @param states the same of each of an operator's states, under its number, without what tasks keep for themselves
 * @param files each file's size. Units: bytes
 */
record EpochFiles(
        Map<OperatorId, Kept> operators, Map<OperatorId, Map<Integer, Kept>> states, Map<String, Long> files) {
    /**
     * What one operator keeps, or one of its states, bases and deltas together.
     *
     * @param states how many states have entries
     * @param keyGroups how many key groups have entries
     * @param sections how many sections hold them
     * @param rawBytes their size before compression, {@code packedBytes} behind it
     */
    record Kept(int states, int keyGroups, int sections, long rawBytes, long packedBytes) {
        static final Kept NOTHING = new Kept(0, 0, 0, 0, 0);
    }

    /** Errors: STATE_CORRUPT, UNSUPPORTED_CHECKPOINT, IOException. */
    static EpochFiles of(SnapshotStorage storage, Manifest manifest) throws IOException {
        Map<SectionKey, List<String>> wanted = manifest.state().files();
        Map<OperatorId, Sums> ofOperators = new TreeMap<>();
        Map<OperatorId, Map<Integer, Sums>> ofStates = new TreeMap<>();
        Map<String, Long> sizes = new TreeMap<>();
        for (String file : manifest.state().allFiles()) {
            try (SnapshotStorage.Input input = storage.open(file)) {
                sizes.put(file, input.sizeBytes());
                for (SnapshotFile.Entry entry : SnapshotFile.index(input, file)) {
                    if (wanted.getOrDefault(entry.key(), List.of()).contains(file)) {
                        OperatorId operator = entry.key().operator();
                        ofOperators
                                .computeIfAbsent(operator, made -> new Sums())
                                .add(entry);
                        if (!entry.key().isOfTask()) {
                            ofStates.computeIfAbsent(operator, made -> new TreeMap<>())
                                    .computeIfAbsent(entry.key().stateIndex(), made -> new Sums())
                                    .add(entry);
                        }
                    }
                }
            }
        }
        Map<OperatorId, Map<Integer, Kept>> states = new TreeMap<>();
        ofStates.forEach((operator, sums) -> states.put(operator, totals(sums)));
        return new EpochFiles(totals(ofOperators), states, sizes);
    }

    private static <K extends Comparable<K>> Map<K, Kept> totals(Map<K, Sums> sums) {
        Map<K, Kept> totals = new TreeMap<>();
        sums.forEach((of, sum) -> totals.put(of, sum.total()));
        return totals;
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

        Kept total() {
            return new Kept(states.size(), keyGroups.size(), sections, rawBytes, packedBytes);
        }
    }
}
