package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.DataflowFailedException;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.harness.MemoryStorage;
import dev.millrace.engine.harness.Seeds;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Runs stateful dataflows and the real commit protocol through crashes before and after every change to
 * the outside, writes that fail, tear, get lost on the way back or come about long after they were given up, slow
 * storage, recovery in place, other numbers of tasks and workers, connections between these that break, and up to two
 * old processes that go on beside the new one, committing and recovering too; all under one thread, in an order that
 * follows from a seed. Storage and logs create nothing exclusively: who looks first and writes then may be overtaken in
 * between, and whoever is about to write may sleep while others go on. The sink is transactional or drops epochs that
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
        private static final int MAX_ZOMBIES = 2;

        /** How many things others do at most while one sleeps. */
        private static final int LONG_SLEEP = 4_000;

        private final Random random;
        private final SimulatedQuery query;
        private final SimulatedCheckpoint checkpoint;
        private final CommittedAnswer answer;
        private final int crashOdds;
        private final int barrierOdds;
        private final int troubleOdds;
        private final int storageSlowness;
        private int faultsLeft;
        private int sleepsLeft;
        private int processCount;
        private int turns;
        private boolean checks;
        private long nanos;
        private SimulatedProcess process;
        private final List<SimulatedProcess> zombies = new ArrayList<>();

        /** Who is in the midst of something, the one that acts last. */
        private final Deque<SimulatedProcess> acting = new ArrayDeque<>();

        Run(long seed) {
            random = new Random(seed);
            query = new SimulatedQuery(random);
            int tearOdds = 2 + random.nextInt(30);
            faultsLeft = random.nextInt(10);
            sleepsLeft = random.nextInt(4);
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

        /** Before a change to the outside: all others may go on first. */
        @Override
        public void before() {
            boolean sleepsLong = sleepsLeft > 0 && !zombies.isEmpty() && random.nextInt(10) == 0;
            if (sleepsLong) {
                sleepsLeft--;
            }
            othersGoOn(sleepsLong ? LONG_SLEEP : 3);
            trouble();
        }

        @Override
        public void between() {
            if (!checks) {
                othersGoOn(random.nextInt(4) == 0 ? 3 : 1);
            }
        }

        /** Storage alone gives the state back, while nobody changes it. */
        private void checkState() throws Exception {
            checks = true;
            answer.checkState();
            checks = false;
        }

        private void othersGoOn(int maxSteps) {
            for (int steps = random.nextInt(maxSteps); steps > 0; steps--) {
                othersGoOn();
            }
        }

        private void othersGoOn() {
            land();
            if (!acting.contains(process)) {
                mainGoesOn();
            }
            for (SimulatedProcess zombie : List.copyOf(zombies)) {
                if (!acting.contains(zombie)) {
                    zombieGoesOn(zombie);
                }
            }
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

        @Override
        public boolean isLate() {
            boolean isLate = faultsLeft > 0 && random.nextInt(troubleOdds) == 0;
            faultsLeft -= isLate ? 1 : 0;
            return isLate;
        }

        /** Something that was given up comes about, perhaps. */
        private void land() {
            if (random.nextInt(40) == 0) {
                checkpoint.land(random);
            }
        }

        void toEnd() throws Exception {
            while (!isDone()) {
                mainGoesOn();
                land();
                for (SimulatedProcess zombie : List.copyOf(zombies)) {
                    zombieGoesOn(zombie);
                }
            }
            checkState();
            process.endAttempt();
            for (SimulatedProcess zombie : zombies) {
                zombie.endAttempt();
            }
        }

        private boolean isDone() {
            return process.isRunning()
                    && !process.isCommitting()
                    && Arrays.equals(checkpoint.positions(), query.rowsOfPartition);
        }

        private void mainGoesOn() {
            if (++turns > MAX_TURNS) {
                throw new AssertionError("a run that goes on forever: epoch=%d, positions=%s, rows=%s"
                        .formatted(
                                checkpoint.lastCommitted(),
                                Arrays.toString(checkpoint.positions()),
                                Arrays.toString(query.rowsOfPartition)));
            }
            SimulatedProcess main = process;
            acting.push(main);
            try {
                turn(main);
            } catch (Exception e) {
                mainFailed(main, e);
            } finally {
                acting.pop();
            }
        }

        private void turn(SimulatedProcess main) throws Exception {
            // Now and then so long that partitions without rows fall idle, where they may.
            nanos += random.nextInt(300) == 0 ? 1_000_000_000 : random.nextInt(1_000_000);
            if (!main.isRunning()) {
                if (main.recover()) {
                    answer.checkSink();
                    checkState();
                }
                return;
            }
            main.step(storageSlowness);
            if (random.nextInt(barrierOdds) == 0) {
                main.requestBarrier();
            }
            if (turns % 8 == 0 && main.advanceCommit()) {
                answer.checkSink();
            }
            // A commit is short; crashes are to meet it often enough.
            if (faultsLeft > 0 && random.nextInt(main.isCommitting() ? 60 : crashOdds) == 0) {
                faultsLeft--;
                throw new Crash();
            }
        }

        private void mainFailed(SimulatedProcess main, Exception failure) {
            try {
                if (failure instanceof Crash) {
                    crash(main);
                } else if (isFenced(failure)) {
                    requireTakenOver(main, failure);
                    main.endAttempt();
                    process = newProcess();
                } else {
                    requireAskedFor(failure);
                    main.endAttempt();
                }
            } catch (Exception e) {
                throw new AssertionError("The process failed in a way that nobody asked for: " + e, e);
            }
        }

        /** The process ends, or its place is taken only because it seems to have ended. */
        private void crash(SimulatedProcess main) throws Exception {
            if (zombies.size() < MAX_ZOMBIES && random.nextInt(3) != 0) {
                zombies.add(main);
            } else {
                main.endAttempt();
            }
            process = newProcess();
        }

        /** An old process goes on as if it were the only one, until it learns that it is not. */
        private void zombieGoesOn(SimulatedProcess old) {
            acting.push(old);
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
                acting.pop();
            }
        }

        private void zombieFailed(SimulatedProcess old, Exception failure) {
            try {
                if (failure instanceof Crash || isFenced(failure)) {
                    endZombie(old);
                } else {
                    requireAskedFor(failure);
                    old.endAttempt(); // and then it recovers in place, or learns that it is fenced
                }
            } catch (Exception e) {
                throw new AssertionError("An old process failed in a way that nobody asked for: " + e, e);
            }
        }

        private void endZombie(SimulatedProcess old) throws Exception {
            zombies.remove(old);
            old.endAttempt();
        }

        private static boolean isFenced(Exception failure) {
            return failure instanceof MillraceException known && known.code() == ErrorCode.FENCED;
        }

        /** Of processes that claim the checkpoint at once, also in recovery, one holds it; never one that it has not met. */
        private void requireTakenOver(SimulatedProcess main, Exception failure) throws Exception {
            boolean takenOver = false;
            for (int other = 0; other < processCount; other++) {
                String name = "process" + other;
                takenOver |= !name.equals(main.name()) && failure.getMessage().contains("run=" + name + " took");
            }
            if (!takenOver) {
                throw failure;
            }
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
