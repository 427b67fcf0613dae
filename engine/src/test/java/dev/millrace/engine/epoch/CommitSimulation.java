package dev.millrace.engine.epoch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.epoch.CommitProtocol.Found;
import dev.millrace.engine.epoch.CommitProtocol.Ground;
import dev.millrace.engine.epoch.CommitProtocol.Planned;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.harness.MemoryOffsetLog;
import dev.millrace.engine.harness.MemoryStorage;
import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.harness.Turns;
import dev.millrace.engine.snapshot.StateIndex;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/**
 * Several runs of a query on one checkpoint, each of which may sleep between any two of its looks and writes while the
 * others go on: the real commit protocol, continuous and bounded epochs, over storage and logs that create nothing
 * exclusively, and where a write that failed may come about later. An epoch's rows are no more than where they begin
 * and end. The sink keeps files, and gives up those that it found, and nothing that came since;
 * or transactions, and gives up those of lower ballots.
 */
public final class CommitSimulation {
    private static final int SEEDS = 3_000;
    private static final StateIndex STATE = StateIndex.empty(1, Map.of());

    @Test
    void commitsEveryRowOnceHoweverRunsInterleave() {
        Seeds.simulate(SEEDS, CommitSimulation::run);
    }

    /** One run of a seed. */
    public static void run(long seed) throws Exception {
        new World(new Random(seed)).toEnd();
    }

    /** The process ends. */
    private static final class Crash extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static final class World implements MemoryStorage.Watcher {
        private static final int EPOCHS_TO_KEEP = 2;

        private final Random random;
        private final Turns turns;
        private final MemoryStorage storage = new MemoryStorage(() -> MemoryStorage.NO_FAULT, this);
        private final TreeMap<Long, byte[]> offsets = new TreeMap<>();
        private final List<Runnable> late = new ArrayList<>();
        private final Sink sink;
        private final int rows;
        private final int troubleOdds;
        private int troublesLeft;
        private int startsLeft;
        private int starts;
        private long committed = -1;

        World(Random random) {
            this.random = random;
            this.turns = new Turns(random);
            this.rows = 5 + random.nextInt(30);
            this.troubleOdds = 4 + random.nextInt(30);
            this.troublesLeft = random.nextInt(8);
            this.startsLeft = random.nextInt(5);
            this.sink = new Sink(random.nextBoolean());
        }

        void toEnd() throws Exception {
            turns.run(newRun());
            long position = 0;
            for (Map.Entry<Long, long[]> epoch : sink.committed.entrySet()) {
                assertThat(epoch.getValue()[0])
                        .as("begin of epoch %d", epoch.getKey())
                        .isEqualTo(position);
                position = epoch.getValue()[1];
            }
            assertThat(position).isEqualTo(rows);
        }

        private Turns.Part newRun() {
            String name = "run" + starts++;
            boolean isBounded = random.nextBoolean();
            return () -> new Run(this, name, isBounded).toEnd();
        }

        @Override
        public void before() {
            between();
            trouble();
        }

        @Override
        public void after() {
            trouble();
            between();
        }

        @Override
        public void between() {
            if (startsLeft > 0 && random.nextInt(30) == 0) {
                startsLeft--;
                turns.begin(newRun());
            }
            if (random.nextInt(10) == 0) {
                land();
            }
            turns.pass();
        }

        private void land() {
            if (!storage.late().isEmpty() && random.nextBoolean()) {
                List<String> names = List.copyOf(storage.late().keySet());
                storage.land(names.get(random.nextInt(names.size())));
            }
            if (!late.isEmpty() && random.nextBoolean()) {
                late.remove(random.nextInt(late.size())).run();
            }
        }

        private boolean isTrouble() {
            boolean isTrouble = troublesLeft > 0 && random.nextInt(troubleOdds) == 0;
            troublesLeft -= isTrouble ? 1 : 0;
            return isTrouble;
        }

        private void trouble() {
            if (isTrouble()) {
                throw random.nextBoolean() ? new Crash() : new IllegalStateException("no answer");
            }
        }

        @Override
        public boolean isLate() {
            return isTrouble();
        }

        private void write(Runnable entry) throws IOException {
            before();
            if (isLate()) {
                late.add(entry);
                throw new IOException("no answer whether an entry was written");
            }
            entry.run();
            after();
        }

        /** A run is over: another takes its place, unless all is done. */
        void ended(boolean isDone) {
            if (isDone) {
                turns.end();
            } else if (turns.others() == 0) {
                turns.begin(newRun());
            }
        }

        CommitProtocol protocol(String name, SinkCommit ofRun) {
            return new CommitProtocol(new ManifestLog(storage), new Offsets(), new Commits(), ofRun, name);
        }

        private final class Offsets extends MemoryOffsetLog {
            Offsets() {
                super(offsets);
            }

            @Override
            public long last() {
                between();
                return super.last();
            }

            @Override
            public boolean add(long epoch, byte[] entry) throws IOException {
                if (offsets.containsKey(epoch)) {
                    return false;
                }
                write(() -> offsets.put(epoch, entry));
                return true;
            }

            @Override
            public void replace(long epoch, byte[] entry) throws IOException {
                write(() -> offsets.remove(epoch));
                write(() -> offsets.put(epoch, entry));
            }

            @Override
            public void removeBehind(long epoch) throws IOException {
                List<Long> found = List.copyOf(offsets.tailMap(epoch, false).keySet());
                for (long behind : found) {
                    write(() -> offsets.remove(behind));
                }
            }
        }

        private final class Commits implements CommitLog {
            @Override
            public long last() {
                between();
                return committed;
            }

            @Override
            public void add(long epoch, long watermarkMillis) throws IOException {
                assertThat(epoch).isLessThanOrEqualTo(committed + 1);
                write(() -> committed = Math.max(committed, epoch));
            }
        }

        /** What lies outside: files, or transactions under the ballots of those who prepared them. */
        private final class Sink {
            private final boolean isTransactional;
            private final TreeMap<Long, long[]> prepared = new TreeMap<>();
            private final Map<Long, Ballot> ballots = new HashMap<>();
            private final TreeMap<Long, long[]> committed = new TreeMap<>();
            private final TreeMap<Long, String> messagesOfEpochs = new TreeMap<>();
            private long files;

            Sink(boolean isTransactional) {
                this.isTransactional = isTransactional;
            }

            byte[] prepare(Ballot ballot, long from, long to) {
                prepared.put(files, new long[] {from, to});
                ballots.put(files, ballot);
                return bytes(Long.toString(files++));
            }

            private void commit(long epoch, byte[] messages) {
                String before = messagesOfEpochs.putIfAbsent(epoch, text(messages));
                assertThat(text(messages))
                        .as("messages of epoch %d", epoch)
                        .isEqualTo(before == null ? text(messages) : before);
                before();
                if (!committed.containsKey(epoch)) {
                    long[] rows = prepared.get(Long.parseLong(text(messages)));
                    assertThat(rows)
                            .as("epoch %d was given up and is decided", epoch)
                            .isNotNull();
                    committed.put(epoch, rows);
                }
                after();
            }

            private World world() {
                return World.this;
            }

            private void giveUp(Predicate<Long> given) {
                before();
                prepared.keySet().removeIf(given);
                after();
            }
        }
    }

    /** The sink as one run has it. */
    private static final class SinkOfRun implements SinkCommit {
        private final World.Sink sink;
        private Ballot ballot = Ballot.LOWEST;

        SinkOfRun(World.Sink sink) {
            this.sink = sink;
        }

        byte[] prepare(long from, long to) {
            return sink.prepare(ballot, from, to);
        }

        @Override
        public void commit(long epoch, byte[] messages) {
            sink.commit(epoch, messages);
        }

        @Override
        public Runnable unfinished(long firstEpoch, Ballot mine) {
            ballot = mine;
            sink.world().between();
            List<Long> found = List.copyOf(sink.prepared.keySet());
            return () -> sink.giveUp(
                    sink.isTransactional ? file -> sink.ballots.get(file).compareTo(mine) < 0 : found::contains);
        }
    }

    /** A process that runs the query, as far as the commit protocol hears of it. */
    private static final class Run {
        private final World world;
        private final String name;
        private final boolean isBounded;
        private final SinkOfRun sink;
        private final CommitProtocol protocol;

        Run(World world, String name, boolean isBounded) {
            this.world = world;
            this.name = name;
            this.isBounded = isBounded;
            this.sink = new SinkOfRun(world.sink);
            this.protocol = world.protocol(name, sink);
        }

        void toEnd() throws IOException {
            boolean isDone = false;
            boolean isOver = false;
            while (!isOver) {
                try {
                    attempt();
                    isDone = true;
                    isOver = true;
                } catch (Crash e) {
                    isOver = true;
                } catch (MillraceException e) {
                    if (e.code() != ErrorCode.FENCED) {
                        throw e;
                    }
                    isOver = true;
                } catch (IOException | IllegalStateException e) {
                    // It recovers in place.
                }
            }
            world.ended(isDone);
        }

        private void attempt() throws IOException {
            Found found;
            long[] position = new long[1];
            boolean runsPlanned;
            do {
                found = protocol.look(false);
                position[0] = position(found);
                runsPlanned = isBounded && found.isNextPlanned();
            } while (!protocol.settle(
                    found,
                    isBounded ? Planned.RUN : Planned.WRITE_OFF,
                    () -> new Ground(entry(position[0]), STATE, position[0])));
            long from = position[0];
            for (long epoch = found.committed() + 1; from < world.rows; epoch++) {
                byte[] entry = runsPlanned ? planned(epoch) : entry(end(from));
                if (isBounded && !runsPlanned) {
                    entry = protocol.plan(epoch, entry);
                }
                runsPlanned = false;
                long to = end(entry);
                commit(protocol.commit(epoch, entry, sink.prepare(from, to), STATE, to));
                from = to;
            }
        }

        /** Errors: IOException while a run that is fenced puts another one in its place. */
        private byte[] planned(long epoch) throws IOException {
            return protocol.planned(epoch).orElseThrow(() -> new IOException("The plan is gone."));
        }

        private long position(Found found) throws IOException {
            if (found.decided().isPresent()) {
                return end(found.decided().get().offsets());
            }
            long committed = found.committed();
            if (committed < 0) {
                return 0;
            }
            Optional<byte[]> ending = protocol.ending(committed);
            if (ending.isEmpty() && committed < world.committed) {
                throw new IOException("It slept until others had gone on and purged what it stood on.");
            }
            return end(ending.orElseThrow());
        }

        private long end(long from) {
            return Math.min(world.rows, from + world.random.nextInt(6));
        }

        private void commit(EpochCommit commit) throws IOException {
            while (!commit.isDone()) {
                commit.advance();
            }
            protocol.purge(commit.manifest(), World.EPOCHS_TO_KEEP);
        }

        /** As of a plan of this run: two that end at the same place are not the same bytes. */
        private byte[] entry(long end) {
            return bytes(end + " " + name);
        }

        private static long end(byte[] entry) {
            return Long.parseLong(text(entry).split(" ")[0]);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
