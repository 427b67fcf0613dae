package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.DataflowFailedException;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.harness.MemoryStorage;
import dev.millrace.engine.harness.Seeds;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Runs stateful dataflows and the real commit protocol through crashes before and after every change to
 * the outside, writes that fail, tear or get lost on the way back, slow storage, recovery in place, other
 * numbers of tasks and workers, connections between these that break, and old processes that go on beside the new one, committing and recovering too; all
 * under one thread, in an order that follows from a seed. The sink is transactional or drops epochs that
 * it has seen. After every commit it has exactly the answer over the committed positions, and storage
 * alone gives the state back.
 *
 * <p>Many more seeds than the build runs: {@code bin/simulate}.
 */
class DurableSimulation {
    private static final int SEEDS = 1_000;
    private static final int MAX_TURNS = 20_000_000;

    @Test
    void countsEveryRowOnceWhateverFailsAndWhenever() {
        Seeds.simulate(SEEDS, DurableSimulation::run);
    }

    /** One run of a seed. */
    static void run(long seed) throws Exception {
        new Run(seed).toEnd();
    }

    /** The process ends. */
    private static final class Crash extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** What the outside answers when it cannot, or when its answer gets lost. */
    private static final class Outage extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static final class Run implements MemoryStorage.Watcher {
        private final Random random;
        private final SimulatedQuery query;
        private final SimulatedCheckpoint checkpoint;
        private final CommittedAnswer answer;
        private final int crashOdds;
        private final int barrierOdds;
        private final int troubleOdds;
        private final int storageSlowness;
        private int faultsLeft;
        private int processCount;
        private long nanos;
        private SimulatedProcess process;
        private @Nullable SimulatedProcess zombie;
        private boolean zombieActs;

        /** An old process that had not taken the checkpoint yet when the new one began, and so still may; or "". */
        private String mayTakeOver = "";

        Run(long seed) {
            random = new Random(seed);
            query = new SimulatedQuery(random);
            int tearOdds = 2 + random.nextInt(30);
            faultsLeft = random.nextInt(10);
            crashOdds = 100 << random.nextInt(7);
            barrierOdds = 100 << random.nextInt(4);
            troubleOdds = 4 + random.nextInt(40);
            storageSlowness = random.nextInt(3) == 0 ? 1 + random.nextInt(60) : 1;
            checkpoint = new SimulatedCheckpoint(
                    query,
                    new MemoryStorage(() -> tearsAfter(tearOdds), this),
                    new SimulatedSink(random.nextBoolean(), this),
                    this);
            answer = CommittedAnswer.of(query, checkpoint);
            process = newProcess();
        }

        private SimulatedProcess newProcess() {
            return new SimulatedProcess(query, checkpoint, "process" + processCount++, () -> nanos, random);
        }

        private int tearsAfter(int odds) {
            if (faultsLeft == 0 || random.nextInt(odds) != 0) {
                return MemoryStorage.NO_FAULT;
            }
            faultsLeft--;
            return random.nextInt(random.nextBoolean() ? 200 : 20_000);
        }

        /** Before a change to the outside; the old process may act between any two of the new one's. */
        @Override
        public void before() {
            if (!zombieActs) {
                for (int steps = random.nextInt(3); steps > 0 && zombie != null; steps--) {
                    advanceZombie();
                }
            }
            trouble();
        }

        /** After a change to the outside, whose answer may get lost. */
        @Override
        public void after() {
            trouble();
        }

        private void trouble() {
            if (faultsLeft > 0 && random.nextInt(troubleOdds) == 0) {
                faultsLeft--;
                throw random.nextBoolean() ? new Crash() : new Outage();
            }
        }

        void toEnd() throws Exception {
            for (int turn = 0; !isDone(); turn++) {
                if (turn > MAX_TURNS) {
                    throw new AssertionError("a run that goes on forever: epoch=%d, positions=%s, rows=%s"
                            .formatted(
                                    checkpoint.lastCommitted(),
                                    Arrays.toString(checkpoint.positions()),
                                    Arrays.toString(query.rowsOfPartition)));
                }
                try {
                    turn(turn);
                } catch (Crash e) {
                    crash();
                } catch (Outage | MemoryStorage.Fault | DataflowFailedException e) {
                    requireAskedFor(e);
                    process.endAttempt();
                } catch (MillraceException e) {
                    requireTakenOver(e);
                    process.endAttempt();
                    process = newProcess();
                }
            }
            answer.checkState();
            process.endAttempt();
            if (zombie != null) {
                zombie.endAttempt();
            }
        }

        private boolean isDone() {
            return process.isRunning()
                    && !process.isCommitting()
                    && Arrays.equals(checkpoint.positions(), query.rowsOfPartition);
        }

        private void turn(int turn) throws Exception {
            // Now and then so long that partitions without rows fall idle, where they may.
            nanos += random.nextInt(300) == 0 ? 1_000_000_000 : random.nextInt(1_000_000);
            if (!process.isRunning()) {
                if (process.recover()) {
                    answer.checkSink();
                    answer.checkState();
                }
                return;
            }
            process.step(storageSlowness);
            if (zombie != null) {
                advanceZombie();
            }
            if (random.nextInt(barrierOdds) == 0) {
                process.requestBarrier();
            }
            if (turn % 8 == 0 && process.advanceCommit()) {
                answer.checkSink();
            }
            // A commit is short; crashes are to meet it often enough.
            if (faultsLeft > 0 && random.nextInt(process.isCommitting() ? 60 : crashOdds) == 0) {
                faultsLeft--;
                throw new Crash();
            }
        }

        private void crash() throws Exception {
            if (zombie == null && random.nextInt(3) == 0) {
                zombie = process;
                mayTakeOver = process.hasRun() ? "" : process.name();
            } else {
                process.endAttempt();
            }
            process = newProcess();
        }

        /** The old process goes on as if it were the only one, until it learns that it is not. */
        private void advanceZombie() {
            SimulatedProcess old = java.util.Objects.requireNonNull(zombie, "zombie");
            zombieActs = true;
            try {
                if (random.nextInt(2_000) == 0) {
                    endZombie(old);
                } else if (!old.isRunning()) {
                    boolean unused = old.recover();
                } else {
                    old.step(1);
                    if (random.nextInt(barrierOdds) == 0) {
                        old.requestBarrier();
                    }
                    boolean unused = random.nextInt(8) == 0 && old.advanceCommit();
                }
            } catch (Exception e) {
                zombieFailed(old, e);
            } finally {
                zombieActs = false;
            }
        }

        private void zombieFailed(SimulatedProcess old, Exception failure) {
            boolean fenced = failure instanceof MillraceException known && known.code() == ErrorCode.FENCED;
            try {
                if (!fenced && !(failure instanceof Crash)) {
                    requireAskedFor(failure);
                    old.endAttempt(); // and then it recovers in place, or learns that it is fenced
                } else {
                    endZombie(old);
                }
            } catch (Exception e) {
                throw new AssertionError("The old process failed in a way that nobody asked for", e);
            }
        }

        private void endZombie(SimulatedProcess old) throws Exception {
            zombie = null;
            old.endAttempt();
        }

        /** Of two processes that begin at once, the one that takes the checkpoint last holds it. */
        private void requireTakenOver(MillraceException failure) {
            boolean takenOver = failure.code() == ErrorCode.FENCED
                    && !mayTakeOver.isEmpty()
                    && failure.getMessage().contains("run=" + mayTakeOver + " took");
            if (!takenOver) {
                throw failure;
            }
            mayTakeOver = "";
        }

        /** Whatever else broke is what this simulation looks for. */
        private static void requireAskedFor(Exception failure) throws Exception {
            Throwable cause = failure instanceof DataflowFailedException inDataflow ? inDataflow.getCause() : failure;
            if (!(cause instanceof IOException
                    || cause instanceof Outage
                    || cause instanceof SimulatedSink.WriterFenced
                    || (cause instanceof MillraceException known
                            && (known.code() == ErrorCode.STATE_STORAGE
                                    || known.code() == ErrorCode.CONNECTION_FAILED)))) {
                throw failure;
            }
        }
    }
}
