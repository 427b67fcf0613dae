package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.Ballot;
import dev.millrace.engine.epoch.BarrierTargets;
import dev.millrace.engine.epoch.CommitLog;
import dev.millrace.engine.epoch.CommitProtocol;
import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.epoch.EpochCommit;
import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.epoch.EpochShape;
import dev.millrace.engine.epoch.ManifestLog;
import dev.millrace.engine.epoch.ManifestLog.Slot;
import dev.millrace.engine.epoch.SinkCommit;
import dev.millrace.engine.harness.MemoryOffsetLog;
import dev.millrace.engine.harness.MemoryStorage;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.StateIndex;
import dev.millrace.engine.snapshot.StatefulOperator;
import dev.millrace.engine.snapshot.StoredSnapshot;
import dev.millrace.engine.task.BarrierTarget;
import dev.millrace.engine.task.TaskReports;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The driver of many workers: the real coordinator and commit protocol, behind a queue of messages that it takes one
 * after the other. What it computes for an epoch is measured in its thread's real CPU time; it decides nothing.
 *
 * <p>Thread: one.
 */
final class ScaleDriver {
    static final int EPOCHS_TO_KEEP = 2;

    /** What a message that commits one task's rows of an epoch takes in a manifest; connectors differ. */
    private static final int SINK_MESSAGE_BYTES = 100;

    /** What a partition takes in the offset log's entry; connectors differ. */
    private static final int OFFSET_BYTES = 20;

    private final ScaleRun run;
    private final EpochCoordinator coordinator;
    private final MemoryStorage storage = new MemoryStorage();
    private final ManifestLog manifests = new ManifestLog(storage);
    private final CommitProtocol protocol =
            new CommitProtocol(manifests, new MemoryOffsetLog(new TreeMap<>()), new Commits(), new NoSink(), "run");
    private StateIndex state;
    private long lastCommitted = -1;
    private long freeNanos;
    private ScaleFigures.Builder figures = new ScaleFigures.Builder();

    ScaleDriver(ScaleRun run, EpochShape shape, int keyGroups, Map<OperatorId, StatefulOperator> operators)
            throws IOException {
        this.run = run;
        coordinator = new EpochCoordinator(shape, 0);
        state = StateIndex.empty(keyGroups, operators);
        StateIndex none = state;
        while (!protocol.settle(
                protocol.look(false),
                CommitProtocol.Planned.WRITE_OFF,
                () -> new CommitProtocol.Ground(new byte[0], none, 0))) {
            // Claims the checkpoint first.
        }
    }

    MemoryStorage storage() {
        return storage;
    }

    void knows(List<ScaleWorker> workers) {
        List<BarrierTarget> targets = new ArrayList<>();
        workers.forEach(worker -> targets.add(new Target(worker)));
        coordinator.barrierTargets(new BarrierTargets(Set.of(), List.of(), 0, targets));
    }

    /** One message is next on the driver's thread; gives when it is through with it. */
    private long turnNanos() {
        freeNanos = Math.max(freeNanos, run.time().nowNanos()) + run.model().messageNanos();
        return freeNanos;
    }

    private final class Target implements BarrierTarget {
        private final ScaleWorker worker;

        Target(ScaleWorker worker) {
            this.worker = worker;
        }

        @Override
        public void requestBarrier(long epoch) {
            figures.commands++;
            long arrivalNanos = turnNanos() + run.underWayNanos();
            run.time().at(arrivalNanos, () -> worker.requestBarrier(epoch));
        }

        @Override
        public void requestLastBarrier(long epoch) {
            throw new AssertionError("no epoch is the last");
        }
    }

    /** Begins an epoch's end; all of it has happened once time stands still again. */
    ScaleFigures endEpoch() throws IOException {
        figures = new ScaleFigures.Builder();
        figures.requestedNanos = run.time().nowNanos();
        computes(() -> {
            if (coordinator.requestBarrier() < 0) {
                throw new AssertionError("the epoch before is still under way");
            }
        });
        CompletedEpoch completed = null;
        while (completed == null && run.time().advance()) {
            completed = figures.completed;
        }
        if (completed == null) {
            throw new AssertionError("the epoch does not end");
        }
        figures.completedNanos = run.time().nowNanos();
        commit(completed);
        return figures.build();
    }

    /** The steps of a commit, each as long as the model has a file take, but for the sink's. */
    private void commit(CompletedEpoch completed) throws IOException {
        long epoch = completed.epoch();
        byte[] messages = new byte[completed.messages().get(2).size() * SINK_MESSAGE_BYTES];
        byte[] entry = new byte[completed.positions().get(0).size() * OFFSET_BYTES];
        long cpuNanos = cpuNanos();
        StateIndex next = state.with(completed.snapshots());
        EpochCommit commit = protocol.commit(epoch, entry, messages, next, 0);
        while (!commit.isDone()) {
            commit.advance();
        }
        figures.commitCpuNanos += cpuNanos() - cpuNanos;
        state = next;
        figures.manifestBytes = storedBytes(lastSlot(epoch));
        figures.sections = state.files().size();
        figures.namedFiles = state.allFiles().size();
        figures.committedNanos = run.time().nowNanos()
                + run.model().storedNanos(figures.manifestBytes)
                + run.model().storedNanos(entry.length)
                + run.model().storedNanos(0);
        int before = storage.files().size();
        cpuNanos = cpuNanos();
        protocol.purge(commit.manifest(), EPOCHS_TO_KEEP);
        figures.purgeCpuNanos += cpuNanos() - cpuNanos;
        figures.deletedFiles = before - storage.files().size();
        run.time().at(figures.committedNanos, () -> {});
    }

    private Slot lastSlot(long epoch) throws IOException {
        Slot slot = manifests.slots().get(epoch);
        if (slot == null) {
            throw new AssertionError("an epoch without a manifest: " + epoch);
        }
        return slot;
    }

    private long storedBytes(Slot slot) {
        return storage.files().get(slot.fileName()).length;
    }

    private static long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private void computes(Runnable work) {
        long before = cpuNanos();
        work.run();
        figures.gatherCpuNanos += cpuNanos() - before;
    }

    TaskReports reports(ScaleWorkerTime worker) {
        return new Reports(worker);
    }

    /** When what a worker says leaves it. */
    @FunctionalInterface
    interface ScaleWorkerTime {
        long saidNanos();
    }

    /** What one worker's tasks say, on its way to the coordinator. */
    private final class Reports implements TaskReports {
        private final ScaleWorkerTime worker;

        Reports(ScaleWorkerTime worker) {
            this.worker = worker;
        }

        private void send(long saidNanos, long sizeBytes, Runnable report) {
            figures.reports++;
            figures.reportBytes += sizeBytes;
            run.time().at(saidNanos + run.underWayNanos(), () -> run.time().at(turnNanos(), () -> take(report)));
        }

        private void take(Runnable report) {
            computes(() -> {
                report.run();
                try {
                    figures.completed = coordinator.await(0);
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
        }

        @Override
        public void sourcePositions(
                int stageId,
                int taskIndex,
                long epoch,
                List<Integer> partitionIndexes,
                List<Object> positions,
                long rowsRead) {
            figures.barrierTaken(worker.saidNanos());
            send(
                    worker.saidNanos(),
                    ScaleFigures.positionsBytes(positions.size()),
                    () -> coordinator.sourcePositions(
                            stageId, taskIndex, epoch, partitionIndexes, positions, rowsRead));
        }

        @Override
        public void barrierTaken(int stageId, int taskIndex, long epoch) {
            figures.barrierTaken(worker.saidNanos());
            send(
                    worker.saidNanos(),
                    ScaleFigures.BARRIER_TAKEN_BYTES,
                    () -> coordinator.barrierTaken(stageId, taskIndex, epoch));
        }

        @Override
        public void sinkPrepared(int stageId, int taskIndex, long epoch, @Nullable Object message, long rowsWritten) {
            send(
                    worker.saidNanos(),
                    ScaleFigures.preparedBytes(SINK_MESSAGE_BYTES),
                    () -> coordinator.sinkPrepared(stageId, taskIndex, epoch, message, rowsWritten));
        }

        @Override
        public void snapshotStored(long epoch, StoredSnapshot snapshot) {
            figures.snapshotFiles++;
            long sizeBytes = storage.files().get(snapshot.file()).length;
            figures.storedBytes += sizeBytes;
            send(
                    worker.saidNanos() + run.model().storedNanos(sizeBytes),
                    ScaleFigures.storedBytes(snapshot),
                    () -> coordinator.snapshotStored(epoch, snapshot));
        }

        @Override
        public void portionEnded(int stageId, long portion, long maxMicros) {
            throw new AssertionError("nothing is read in portions");
        }

        @Override
        public void observed(OperatorId operator, long epoch, byte[] observation) {
            throw new AssertionError("nothing observes");
        }

        @Override
        public void failed(String where, Throwable cause) {
            throw new AssertionError(where, cause);
        }
    }

    private final class Commits implements CommitLog {
        @Override
        public long last() {
            return lastCommitted;
        }

        @Override
        public void add(long epoch, long watermarkMillis) {
            lastCommitted = epoch;
        }
    }

    private static final class NoSink implements SinkCommit {
        @Override
        public void commit(long epoch, byte[] messages) {}

        @Override
        public Runnable unfinished(long firstEpoch, Ballot ballot) {
            return () -> {};
        }
    }
}
