package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.epoch.CommitProtocol;
import dev.millrace.engine.epoch.CommitProtocol.Found;
import dev.millrace.engine.epoch.CommitProtocol.Ground;
import dev.millrace.engine.epoch.CommitProtocol.Planned;
import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.epoch.EpochCommit;
import dev.millrace.engine.snapshot.StateIndex;
import java.util.Arrays;
import java.util.Random;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A process that runs the query on a checkpoint: it recovers, runs an attempt, commits its epochs step
 * by step, and recovers in place when something has failed.
 */
final class SimulatedProcess {
    /** Epochs that are kept: the last one, and one to go back to. */
    private static final int EPOCHS_TO_KEEP = 2;

    private final SimulatedQuery query;
    private final SimulatedCheckpoint checkpoint;
    private final String name;
    private final LongSupplier nanoClock;
    private final Random random;
    private final SimulatedSink.OfProcess sink;
    private final CommitProtocol protocol;
    private @Nullable SimulatedAttempt attempt;
    private @Nullable EpochCommit commit;
    private StateIndex state;
    private long[] positions = new long[0];
    private long nextEpoch;
    private int attempts;

    SimulatedProcess(
            SimulatedQuery query, SimulatedCheckpoint checkpoint, String name, LongSupplier nanoClock, Random random) {
        this.query = query;
        this.checkpoint = checkpoint;
        this.name = name;
        this.nanoClock = nanoClock;
        this.random = random;
        this.sink = checkpoint.sink.ofProcess();
        this.protocol = checkpoint.protocol(name, sink);
        this.state = StateIndex.empty(SimulatedQuery.KEY_GROUPS, query.operators());
    }

    String name() {
        return name;
    }

    /** Whether it has recovered and runs. */
    boolean isRunning() {
        return attempt != null;
    }

    boolean isCommitting() {
        return commit != null;
    }

    /** Does one thing of recovery; true when all is settled and an attempt runs. */
    boolean recover() throws Exception {
        Found found = protocol.look(false);
        long[] from = checkpoint.positions(found);
        StateIndex index = checkpoint.state(found);
        if (!protocol.settle(found, Planned.WRITE_OFF, () -> new Ground(SimulatedCheckpoint.entry(from), index, 0))) {
            return false;
        }
        positions = from;
        state = index;
        nextEpoch = found.committed() + 1;
        SimulatedAttempt.Place place =
                new SimulatedAttempt.Place(name + "-" + attempts++, 1 + random.nextInt(3), nextEpoch, positions, state);
        attempt = new SimulatedAttempt(query, place, sink, checkpoint.storage, nanoClock, random);
        return true;
    }

    /** Advances one step of the dataflow. */
    void step(int storageSlowness) {
        running().step(storageSlowness);
    }

    void requestBarrier() {
        long unused = running().coordinator().requestBarrier();
    }

    /** Does the next step of a commit, or takes the next epoch that is complete; true when an epoch was committed. */
    boolean advanceCommit() throws Exception {
        EpochCommit current = commit;
        if (current == null) {
            CompletedEpoch completed = running().coordinator().await(0);
            if (completed != null) {
                commit = begin(completed);
            }
            return false;
        }
        current.advance();
        if (!current.isDone()) {
            return false;
        }
        commit = null;
        state = current.manifest().state();
        protocol.purge(current.manifest(), EPOCHS_TO_KEEP);
        return true;
    }

    private EpochCommit begin(CompletedEpoch completed) {
        assertThat(completed.epoch()).isEqualTo(nextEpoch++);
        long[] ended = query.flatten(completed.positions(), running().graph());
        long expected = Arrays.stream(ended).sum() - Arrays.stream(positions).sum();
        assertThat(completed.rowsRead().values().stream()
                        .mapToLong(Long::longValue)
                        .sum())
                .isEqualTo(expected);
        positions = ended;
        return protocol.commit(
                completed.epoch(),
                SimulatedCheckpoint.entry(ended),
                SimulatedSink.pack(completed.messages()),
                state.with(completed.snapshots()),
                0);
    }

    private SimulatedAttempt running() {
        return java.util.Objects.requireNonNull(attempt, "running");
    }

    /** Ends the attempt, if one runs. */
    void endAttempt() throws Exception {
        SimulatedAttempt ended = attempt;
        attempt = null;
        commit = null;
        if (ended != null) {
            ended.close();
        }
    }
}
