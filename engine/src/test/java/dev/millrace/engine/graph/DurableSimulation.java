package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.epoch.DataflowFailedException;
import dev.millrace.engine.harness.MemoryStorage;
import dev.millrace.engine.snapshot.Manifest;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Runs stateful dataflows through crashes at any step, writes that fail or tear, slow storage, commits
 * that stop halfway, other numbers of tasks, and old attempts that go on beside the new one; all under
 * one thread, in an order that follows from a seed. After every commit the sink has exactly the answer
 * over the committed positions, and storage alone gives the state back.
 *
 * <p>Replay one: {@code mvn test -pl engine -Dtest=DurableSimulation -Dsimulation.seed=<seed>}.
 */
class DurableSimulation {
    private static final int SEEDS = 150;
    private static final int MAX_TURNS = 20_000_000;

    @Test
    void countsEveryRowOnceWhateverFailsAndWhenever() throws Exception {
        Long only = Long.getLong("simulation.seed");
        if (only != null) {
            new Run(only).toEnd();
            return;
        }
        for (long seed = 0; seed < SEEDS; seed++) {
            try {
                new Run(seed).toEnd();
            } catch (Exception | AssertionError e) {
                throw new AssertionError(
                        "seed=%d: %s%nReplay with: mvn test -pl engine -Dtest=DurableSimulation -Dsimulation.seed=%d"
                                .formatted(seed, e.getMessage(), seed),
                        e);
            }
        }
    }

    /** The process ends. */
    private static final class Crash extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static final class Run {
        private final Random random;
        private final SimulatedQuery query;
        private final SimulatedCheckpoint checkpoint;
        private final CommittedAnswer answer;
        private final int crashOdds;
        private final int barrierOdds;
        private final int storageSlowness;
        private int faultsLeft;
        private int attemptCount;
        private long nanos;
        private SimulatedAttempt attempt;
        private @Nullable SimulatedAttempt zombie;
        private Manifest manifest;
        private long nextEpoch;
        private long[] positions;
        private Deque<SimulatedCheckpoint.Action> commit = new ArrayDeque<>();

        Run(long seed) throws Exception {
            random = new Random(seed);
            query = new SimulatedQuery(random);
            int tearOdds = 2 + random.nextInt(30);
            faultsLeft = random.nextInt(8);
            crashOdds = 100 << random.nextInt(7);
            barrierOdds = 100 << random.nextInt(4);
            storageSlowness = random.nextInt(3) == 0 ? 1 + random.nextInt(60) : 1;
            checkpoint =
                    new SimulatedCheckpoint(query, new MemoryStorage(() -> tearsAfter(tearOdds)), random.nextBoolean());
            answer = new CommittedAnswer(query, checkpoint);
            start();
        }

        private int tearsAfter(int odds) {
            if (faultsLeft == 0 || random.nextInt(odds) != 0) {
                return MemoryStorage.NO_FAULT;
            }
            faultsLeft--;
            return random.nextInt(random.nextBoolean() ? 200 : 20_000);
        }

        private void start() throws Exception {
            checkpoint.recover();
            answer.checkSink();
            answer.checkState();
            manifest = checkpoint.manifest();
            nextEpoch = checkpoint.lastCommitted() + 1;
            positions = checkpoint.positions();
            commit = new ArrayDeque<>();
            SimulatedAttempt.Place place =
                    new SimulatedAttempt.Place("attempt" + attemptCount++, 1 + random.nextInt(3), nextEpoch, positions);
            attempt = new SimulatedAttempt(query, place, checkpoint.storage, manifest, () -> nanos, random);
        }

        void toEnd() throws Exception {
            for (int turn = 0; !isDone(); turn++) {
                if (turn > MAX_TURNS) {
                    throw new AssertionError("a run that goes on forever: epoch=%d, positions=%s, rows=%s"
                            .formatted(nextEpoch, Arrays.toString(positions), Arrays.toString(query.rowsOfPartition)));
                }
                try {
                    turn(turn);
                } catch (Crash | DataflowFailedException | MemoryStorage.Fault e) {
                    requireAskedFor(e);
                    endAttempt();
                    start();
                }
            }
            answer.checkState();
            attempt.close();
            if (zombie != null) {
                zombie.close();
            }
        }

        private boolean isDone() {
            return commit.isEmpty() && Arrays.equals(checkpoint.positions(), query.rowsOfPartition);
        }

        private void turn(int turn) throws Exception {
            // Now and then so long that partitions without rows fall idle, where they may.
            nanos += random.nextInt(300) == 0 ? 1_000_000_000 : random.nextInt(1_000_000);
            attempt.step(storageSlowness);
            stepZombie();
            if (random.nextInt(barrierOdds) == 0) {
                attempt.coordinator().requestBarrier();
            }
            if (turn % 8 == 0) {
                advanceCommit();
            }
            // A commit is short; crashes are to meet it often enough.
            if (faultsLeft > 0 && random.nextInt(commit.isEmpty() ? crashOdds : 60) == 0) {
                faultsLeft--;
                throw new Crash();
            }
        }

        private void advanceCommit() throws Exception {
            if (!commit.isEmpty()) {
                commit.removeFirst().run();
                return;
            }
            CompletedEpoch completed = attempt.coordinator().await(0);
            if (completed != null) {
                assertThat(completed.epoch()).isEqualTo(nextEpoch++);
                checkRowsRead(completed);
                manifest = manifest.with(completed.epoch(), completed.snapshot().orElseThrow());
                commit = checkpoint.commit(completed, manifest, answer::checkSink);
            }
        }

        private void checkRowsRead(CompletedEpoch completed) {
            long[] ended = query.flatten(completed.positions());
            long expected =
                    Arrays.stream(ended).sum() - Arrays.stream(positions).sum();
            assertThat(completed.rowsRead().values().stream()
                            .mapToLong(Long::longValue)
                            .sum())
                    .isEqualTo(expected);
            positions = ended;
        }

        private void stepZombie() throws Exception {
            SimulatedAttempt old = zombie;
            if (old == null) {
                return;
            }
            old.step(1);
            if (random.nextInt(barrierOdds) == 0) {
                old.coordinator().requestBarrier();
            }
            if (random.nextInt(2_000) == 0) {
                zombie = null;
                old.close();
            }
        }

        private void endAttempt() throws Exception {
            if (zombie == null && random.nextInt(3) == 0) {
                zombie = attempt;
            } else {
                attempt.close();
            }
        }

        /** Whatever else broke is what this simulation looks for. */
        private static void requireAskedFor(Exception e) throws Exception {
            if (e instanceof DataflowFailedException failed && !(failed.getCause() instanceof IOException)) {
                throw e;
            }
        }
    }
}
