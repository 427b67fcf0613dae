package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.graph.CapturingSink.Result;
import dev.millrace.engine.harness.MemoryStorage;
import dev.millrace.engine.snapshot.Manifest;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What outlives a crash: storage, the logs of offsets and commits, and what the sink has committed. An
 * epoch is committed in small steps, and the process may end between each two: manifest, offsets, sink,
 * commit record, then what is not needed any more is deleted.
 */
final class SimulatedCheckpoint {
    /** Manifests that are kept: the last one, and one to go back to. */
    private static final int KEPT_MANIFESTS = 2;

    /** One step of a commit. */
    @FunctionalInterface
    interface Action {
        void run() throws IOException;
    }

    /** The offset log's entry of an epoch, with what it takes to commit its sink again. */
    private record Planned(long[] positions, List<Result> messages) {}

    final MemoryStorage storage;
    final TreeMap<Long, List<Result>> sink = new TreeMap<>();
    private final SimulatedQuery query;
    private final boolean commitsAgain;
    private final TreeMap<Long, Planned> offsets = new TreeMap<>();
    private long lastCommitted = -1;

    /** @param commitsAgain whether an epoch that is planned but not committed is committed at a restart, or forgotten */
    SimulatedCheckpoint(SimulatedQuery query, MemoryStorage storage, boolean commitsAgain) {
        this.query = query;
        this.storage = storage;
        this.commitsAgain = commitsAgain;
    }

    long lastCommitted() {
        return lastCommitted;
    }

    /** The positions that the last committed epoch ended at. */
    long[] positions() {
        return lastCommitted < 0
                ? new long[query.rowsOfPartition.length]
                : offsets.get(lastCommitted).positions();
    }

    Manifest manifest() throws IOException {
        return lastCommitted < 0
                ? Manifest.empty(SimulatedQuery.KEY_GROUPS, query.operators())
                : Manifest.load(storage, lastCommitted);
    }

    /** The steps that commit an epoch; {@code committed} is the one behind which it is. */
    Deque<Action> commit(CompletedEpoch completed, Manifest manifest, Action committed) {
        long epoch = completed.epoch();
        Planned planned = new Planned(query.flatten(completed.positions()), messages(completed));
        Deque<Action> actions = new ArrayDeque<>();
        actions.add(() -> manifest.store(storage));
        actions.add(() -> offsets.put(epoch, planned));
        actions.add(() -> sink.put(epoch, planned.messages()));
        actions.add(() -> {
            assertThat(epoch).isEqualTo(lastCommitted + 1);
            lastCommitted = epoch;
            committed.run();
            actions.addAll(cleaning());
        });
        return actions;
    }

    @SuppressWarnings("unchecked")
    private static List<Result> messages(CompletedEpoch completed) {
        List<Result> all = new ArrayList<>();
        completed.messages().values().forEach(tasks -> tasks.forEach(message -> all.addAll((List<Result>) message)));
        return all;
    }

    /** Deletes manifests before the files that they name, so that none is left that cannot be restored. */
    private List<Action> cleaning() throws IOException {
        long oldestKept = lastCommitted - KEPT_MANIFESTS + 1;
        List<Action> deletions = new ArrayList<>();
        Set<String> needed = new TreeSet<>();
        for (long epoch : Manifest.epochs(storage)) {
            if (epoch < oldestKept) {
                deletions.add(() -> storage.delete(Manifest.fileName(epoch)));
            } else if (epoch <= lastCommitted) {
                needed.addAll(Manifest.load(storage, epoch).allFiles());
            }
        }
        for (String file : storage.list(StoredSnapshot.FOLDER)) {
            // A later epoch's file is not in a manifest yet.
            boolean old = Long.parseLong(file.substring(0, file.indexOf('-'))) <= lastCommitted;
            if (old && !needed.contains(StoredSnapshot.FOLDER + "/" + file)) {
                deletions.add(() -> storage.delete(StoredSnapshot.FOLDER + "/" + file));
            }
        }
        return deletions;
    }

    /** A new process finds what the last one left. */
    void recover() throws IOException {
        long planned = lastCommitted + 1;
        if (offsets.containsKey(planned)) {
            if (commitsAgain) {
                sink.put(planned, offsets.get(planned).messages());
                lastCommitted = planned;
            } else {
                offsets.remove(planned);
                sink.remove(planned);
            }
        }
        for (long epoch : Manifest.epochs(storage)) {
            if (epoch <= lastCommitted) {
                assertThat(storage.files())
                        .containsKeys(Manifest.load(storage, epoch).allFiles().toArray(new String[0]));
            }
        }
    }
}
