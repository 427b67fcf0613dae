package dev.millrace.engine.epoch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.epoch.CommitProtocol.Found;
import dev.millrace.engine.epoch.CommitProtocol.Ground;
import dev.millrace.engine.epoch.CommitProtocol.Planned;
import dev.millrace.engine.epoch.EpochCommit.Step;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.harness.MemoryOffsetLog;
import dev.millrace.engine.harness.MemoryStorage;
import dev.millrace.engine.snapshot.StateIndex;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class CommitProtocolTest {
    private static final StateIndex STATE = StateIndex.empty(1, Map.of());

    private final MemoryStorage storage = new MemoryStorage();
    private final TreeMap<Long, byte[]> offsets = new TreeMap<>();
    private final TreeMap<Long, String> commits = new TreeMap<>();
    private final List<String> sink = new ArrayList<>();

    @Test
    void commitsAnEpochStepByStepAndInOrder() throws Exception {
        CommitProtocol protocol = settled("run");
        EpochCommit commit = protocol.commit(0, bytes("end 0"), bytes("rows 0"), STATE, 0);
        sink.clear();
        assertThat(commit.next()).isEqualTo(Step.DECIDE);
        commit.advance();
        assertThat(offsets).isEmpty();
        commit.advance();
        assertThat(offsets).containsOnlyKeys(0L);
        assertThat(sink).isEmpty();
        commit.advance();
        assertThat(sink).containsExactly("commit 0: rows 0");
        assertThat(commits).isEmpty();
        commit.advance();
        assertThat(commits).containsOnly(Map.entry(0L, "end 0"));
        assertThat(commit.isDone()).isTrue();
        assertThat(protocol.firstUndecided()).isEqualTo(1);
    }

    @Test
    void commitsAgainWhateverWasDecidedWhereverTheCommitWasCutShort() throws Exception {
        for (int done = 1; done < 4; done++) {
            long epoch = done - 1;
            EpochCommit commit = settled("run" + done).commit(epoch, bytes("end"), bytes("rows"), STATE, 0);
            for (int step = 0; step < done; step++) {
                commit.advance();
            }
            sink.clear();

            assertThat(settled("next" + done).firstUndecided()).isEqualTo(epoch + 1);
            assertThat(commits).hasSize(done);
            assertThat(offsets).hasSize(done);
            assertThat(sink).containsExactly("commit %d: rows".formatted(epoch), "abort before " + (epoch + 1));
        }
    }

    @Test
    void runsAnEpochAnewUnderTheSameNumberThatWasNotDecided() throws Exception {
        commit(settled("first"), 0);
        CommitProtocol dead = settled("second");
        EpochCommit never = dead.commit(1, bytes("end"), bytes("dead"), STATE, 0);
        assertThat(never.isDone()).isFalse();
        sink.clear();

        commit(settled("third"), 1);
        assertThat(sink).containsExactly("abort before 1", "commit 1: rows 1");
    }

    @Test
    void fencesTheRunBeforeItAtItsNextDecision() throws Exception {
        CommitProtocol old = settled("old");
        EpochCommit late = old.commit(0, bytes("end"), bytes("old rows"), STATE, 0);
        CommitProtocol young = settled("young");

        assertFenced(late::advance);
        assertFenced(() -> old.look(false));
        commit(young, 0);
        commit(young, 1);
        assertFenced(late::advance);
        assertThat(sink).filteredOn(line -> line.contains("old")).isEmpty();
    }

    @Test
    void fencesARunThatSleptUntilItsPlaceWasPurged() throws Exception {
        EpochCommit late = settled("old").commit(0, bytes("end"), bytes("old rows"), STATE, 0);
        goOnWithoutOthers("young");

        assertFenced(late::advance);
        assertThat(sink).filteredOn(line -> line.contains("old")).isEmpty();
    }

    /** It would give up what the other run has prepared. */
    @Test
    void givesNothingUpWhereAnotherRunWentOnUntilItsClaimWasPurged() throws Exception {
        commit(settled("old"), 0);
        CommitProtocol starting = protocol("starting");
        assertThat(settleOnce(starting)).isFalse();
        Found seen = starting.look(false);
        goOnWithoutOthers("young");
        sink.clear();

        assertFenced(() -> starting.settle(seen, Planned.WRITE_OFF, CommitProtocolTest::ground));
        assertThat(sink).isEmpty();
        assertThat(storage.list("manifests")).noneMatch(name -> name.endsWith("starting.claim"));
    }

    /** A run takes the checkpoint over, commits some epochs and keeps the last one only. */
    private void goOnWithoutOthers(String run) throws IOException {
        CommitProtocol young = settled(run);
        for (int i = 0; i < 3; i++) {
            commit(young, young.firstUndecided());
        }
        young.purge(new ManifestLog(storage).require(young.firstUndecided() - 1), 1);
    }

    @Test
    void letsAnOldRunFinishWhatItDecidedBeforeItWasFenced() throws Exception {
        EpochCommit late = settled("old").commit(0, bytes("end 0"), bytes("rows 0"), STATE, 0);
        late.advance();
        CommitProtocol young = settled("young");
        commit(young, 1);
        while (!late.isDone()) {
            late.advance();
        }
        assertThat(commits).containsOnlyKeys(0L, 1L);
        assertThat(sink).filteredOn(line -> line.startsWith("commit 0")).containsOnly("commit 0: rows 0");
    }

    @Test
    void looksAgainOnceItHasClaimed() throws Exception {
        CommitProtocol old = settled("old");
        CommitProtocol young = protocol("young");
        Found found = young.look(false);
        commit(old, 0);

        assertThat(young.settle(found, Planned.WRITE_OFF, CommitProtocolTest::ground))
                .isFalse();
        assertThat(young.look(false).committed()).isZero();
    }

    @Test
    void takesOverWhatAnotherWroteBeforeItLookedAndLearnedThatItIsFenced() throws Exception {
        CommitProtocol old = settled("old");
        EpochCommit late = old.commit(0, bytes("end 0"), bytes("old rows"), STATE, 0);
        CommitProtocol young = protocol("young");
        assertThat(settleOnce(young)).isFalse();
        assertFenced(late::advance);
        assertThat(offsets).isEmpty();

        settle(young);
        assertThat(sink).contains("commit 0: old rows");
        assertThat(young.firstUndecided()).isEqualTo(1);
    }

    /** Had the second run committed what it found as it stood there, the third would take it for void. */
    @Test
    void decidesAnewUnderItsOwnBallotWhatItTakesOver() throws Exception {
        EpochCommit cut = settled("first").commit(0, bytes("end 0"), bytes("rows 0"), STATE, 0);
        CommitProtocol slept = protocol("slept");
        assertThat(settleOnce(slept)).isFalse();
        Found before = slept.look(false);
        assertFenced(cut::advance);
        CommitProtocol second = protocol("the second");
        assertThat(settleOnce(second)).isFalse();
        Found found = second.look(false);
        assertFenced(() -> slept.settle(before, Planned.WRITE_OFF, CommitProtocolTest::ground));
        assertThat(storage.list("manifests")).contains("0.1-first", "0.2-slept.fence");
        assertThat(second.settle(found, Planned.WRITE_OFF, CommitProtocolTest::ground))
                .isFalse();

        assertThat(sink).endsWith("commit 0: rows 0");
        assertThat(new ManifestLog(storage).find(0))
                .as("to everybody who looks")
                .isPresent();
    }

    @Test
    void ofTwoThatClaimAtOnceOneIsFenced() throws Exception {
        MemoryStorage.Watcher[] watcher = {MemoryStorage.NOBODY};
        MemoryStorage shared = new MemoryStorage(() -> MemoryStorage.NO_FAULT, new MemoryStorage.Watcher() {
            @Override
            public void before() {
                watcher[0].before();
            }

            @Override
            public void after() {}
        });
        CommitProtocol one = protocol("one", shared);
        CommitProtocol two = protocol("two", shared);
        watcher[0] = new MemoryStorage.Watcher() {
            @Override
            public void before() {
                watcher[0] = MemoryStorage.NOBODY;
                try {
                    assertThat(settleOnce(two)).isFalse();
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            }

            @Override
            public void after() {}
        };
        assertFenced(() -> settleOnce(one));
        assertThat(shared.list("manifests")).containsExactly("1-one.claim", "1-two.claim");
        settle(two);
        commit(two, 0);
    }

    @Test
    void writesNothingAgainUnderTheBallotOfAnAttemptThatFailed() throws Exception {
        boolean[] isLate = {false};
        MemoryStorage failing = new MemoryStorage(() -> MemoryStorage.NO_FAULT, new MemoryStorage.Watcher() {
            @Override
            public void before() {}

            @Override
            public void after() {}

            @Override
            public boolean isLate() {
                return isLate[0];
            }
        });
        CommitProtocol protocol = protocol("run", failing);
        assertThat(settleOnce(protocol)).isFalse();
        isLate[0] = true;
        assertThatThrownBy(() -> settleOnce(protocol)).isInstanceOf(IOException.class);
        isLate[0] = false;
        settle(protocol);
        assertThat(failing.late()).containsOnlyKeys("manifests/0.1-run.fence");
        assertThat(failing.list("manifests")).containsExactly("0.2-run.fence", "2-run.claim");
        failing.late().clear();
        isLate[0] = true;
        EpochCommit commit = protocol.commit(0, bytes("end 0"), bytes("given up"), STATE, 0);
        assertThatThrownBy(commit::advance).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> settleOnce(protocol)).isInstanceOf(IOException.class);
        isLate[0] = false;
        settle(protocol);
        assertThat(failing.late()).containsOnlyKeys("manifests/0.2-run", "manifests/3-run.claim");
        failing.land("manifests/0.2-run");
        failing.land("manifests/3-run.claim");

        commit(protocol, 0);
        assertThat(sink).contains("commit 0: rows 0").doesNotContain("commit 0: given up");
        assertThat(protocol.look(false).committed()).isZero();
    }

    @Test
    void keepsNoClaimsOfRunsThatAreOver() throws Exception {
        for (int start = 0; start < 5; start++) {
            CommitProtocol protocol = settled("run" + start);
            settle(protocol);
        }
        assertThat(storage.list("manifests")).containsExactlyInAnyOrder("10-run4.claim", "0.10-run4.fence");
    }

    @Test
    void letsStandWhatWasDecidedWhateverAFencedRunPlansOverIt() throws Exception {
        CommitProtocol first = settled("first");
        CommitProtocol second = settled("second");
        EpochCommit commit = second.commit(0, second.plan(0, bytes("plan of the second")), bytes("rows 0"), STATE, 0);
        commit.advance();
        offsets.put(0L, bytes("plan of the first")); // it had looked before, and writes late
        commit.advance();
        assertThat(text(offsets.get(0L))).isEqualTo("plan of the second");
        commit.advance();
        offsets.put(0L, bytes("plan of the first"));

        CommitProtocol third = settled("third");
        assertThat(third.firstUndecided()).isEqualTo(1);
        assertThat(sink).filteredOn(line -> line.startsWith("commit")).containsOnly("commit 0: rows 0");
        assertThat(text(offsets.get(0L))).isEqualTo("plan of the second");

        offsets.put(0L, bytes("plan of the first"));
        assertThat(first.ending(0).map(CommitProtocolTest::text)).contains("plan of the second");
        CommitProtocol fourth = settled("fourth");
        assertThat(fourth.firstUndecided()).isEqualTo(1);
        assertThat(text(offsets.get(0L))).isEqualTo("plan of the second");
    }

    @Test
    void writesOffInPlaceWhatAFencedRunPlanned() throws Exception {
        CommitProtocol protocol = settled("run");
        offsets.put(0L, bytes("late plan"));
        settle(protocol);
        assertThat(protocol.firstUndecided()).isEqualTo(1);
        assertThat(commits).containsOnly(Map.entry(0L, "ground"));
    }

    @Test
    void recoversInPlaceAsOftenAsItMust() throws Exception {
        CommitProtocol protocol = settled("run");
        commit(protocol, 0);
        for (int i = 0; i < 3; i++) {
            settle(protocol);
            assertThat(protocol.firstUndecided()).isEqualTo(1);
        }
        commit(protocol, 1);
        assertThat(commits).containsOnlyKeys(0L, 1L);
    }

    @Test
    void namesADamagedDecisionAndTheWayOut() throws Exception {
        commit(settled("first"), 0);
        EpochCommit cut = settled("second").commit(1, bytes("end 1"), bytes("rows 1"), STATE, 0);
        cut.advance();
        String file = damageNewest();

        assertThatThrownBy(() -> settled("third"))
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.STATE_CORRUPT))
                .hasMessageContaining("file=" + file)
                .hasMessageContaining("spark.millrace.restore.epoch=0");
    }

    @Test
    void runsAnEpochAnewWhoseDecisionIsDamagedAndWasNeverAskedOfTheSink() throws Exception {
        commit(settled("first"), 0);
        settled("second").commit(1, bytes("end 1"), bytes("rows 1"), STATE, 0).advance();
        damageNewest();
        sink.clear();

        CommitProtocol protocol = protocol("third");
        settle(protocol, true);
        commit(protocol, 1);

        assertThat(sink).containsExactly("abort before 1", "commit 1: rows 1");
        assertThat(settled("fourth").firstUndecided()).isEqualTo(2);
    }

    @Test
    void writesOffAnEpochWhoseDecisionIsDamagedAndThatTheSinkMayHave() throws Exception {
        commit(settled("first"), 0);
        EpochCommit cut = settled("second").commit(1, bytes("end 1"), bytes("rows 1"), STATE, 0);
        cut.advance();
        cut.advance();
        damageNewest();
        sink.clear();

        CommitProtocol protocol = protocol("third");
        settle(protocol, true);

        assertThat(protocol.firstUndecided()).isEqualTo(2);
        assertThat(commits).containsOnly(Map.entry(0L, "end 0"), Map.entry(1L, "ground"));
        assertThat(sink).containsExactly("abort before 2");
        assertThat(settled("fourth").firstUndecided()).isEqualTo(2);
    }

    private String damageNewest() throws IOException {
        String file = new ManifestLog(storage).slots().lastEntry().getValue().fileName();
        storage.files().get(file)[20] ^= 1;
        return file;
    }

    @Test
    void writesOffWhatAnotherEnginePlannedAndNeverCommitted() throws Exception {
        commit(settled("first"), 0);
        offsets.put(1L, bytes("stock 1"));
        offsets.put(2L, bytes("stock 2"));
        sink.clear();

        CommitProtocol protocol = settled("second");
        assertThat(protocol.firstUndecided()).isEqualTo(3);
        assertThat(commits).containsOnly(Map.entry(0L, "end 0"), Map.entry(1L, "ground"), Map.entry(2L, "ground"));
        assertThat(offsets.values()).extracting(CommitProtocolTest::text).containsExactly("end 0", "ground", "ground");
        assertThat(sink).containsExactly("abort before 3");
    }

    @Test
    void takesADecisionForVoidWhereAnotherEngineTookTheNumber() throws Exception {
        CommitProtocol first = settled("first");
        first.commit(0, bytes("end 0"), bytes("rows 0"), STATE, 0).advance();
        offsets.put(0L, bytes("stock 0"));
        sink.clear();

        assertThat(settled("second").firstUndecided()).isEqualTo(1);
        assertThat(sink).containsExactly("abort before 1");
        assertThat(commits).containsOnly(Map.entry(0L, "ground"));
    }

    @Test
    void goesOnBehindEpochsThatAnotherEngineCommitted() throws Exception {
        commit(settled("first"), 0);
        offsets.put(1L, bytes("stock 1"));
        commits.put(1L, "stock 1");

        commit(settled("second"), 2);
        assertThat(commits).containsOnlyKeys(0L, 1L, 2L);
    }

    @Test
    void stopsWhenAnotherEnginePlansBesideIt() throws Exception {
        CommitProtocol protocol = settled("run");
        offsets.put(0L, bytes("stock 0"));
        EpochCommit commit = protocol.commit(0, bytes("end 0"), bytes("rows 0"), STATE, 0);
        commit.advance();

        assertFenced(commit::advance);
        assertFenced(() -> settle(protocol));
    }

    @Test
    void runsAnEpochAgainAsItWasPlannedWhoeverPlannedIt() throws Exception {
        CommitProtocol first = settled("first");
        assertThat(text(first.plan(0, bytes("plan 0")))).isEqualTo("plan 0");

        CommitProtocol second = protocol("second");
        assertThat(settleOnce(second)).isFalse();
        Found found = second.look(false);
        assertThat(found.isNextPlanned()).isTrue();
        assertThat(second.settle(found, Planned.RUN, CommitProtocolTest::ground))
                .isTrue();
        assertThat(second.planned(0).map(CommitProtocolTest::text)).contains("plan 0");
        finish(second.commit(0, bytes("plan 0"), bytes("rows 0"), STATE, 0));

        assertThat(commits).containsOnly(Map.entry(0L, "plan 0"));
        assertThat(sink).endsWith("commit 0: rows 0");
    }

    @Test
    void goesOnWithThePlanOfARunThatIsFencedAndTooLateToKnow() throws Exception {
        CommitProtocol first = settled("first");
        CommitProtocol second = settled("second");
        byte[] late = first.plan(0, bytes("plan of the first"));

        assertThat(second.plan(0, bytes("plan of the second"))).isEqualTo(late);
        assertFenced(() ->
                first.commit(0, late, bytes("rows of the first"), STATE, 0).advance());
        finish(second.commit(0, late, bytes("rows"), STATE, 0));
        assertThat(commits).containsOnly(Map.entry(0L, "plan of the first"));
        assertThat(sink).endsWith("commit 0: rows");
    }

    @Test
    void writesOffWhatWasPlannedFurtherAheadThanTheNextEpoch() throws Exception {
        offsets.put(0L, bytes("stock 0"));
        offsets.put(1L, bytes("stock 1"));

        CommitProtocol protocol = protocol("run");
        boolean settled = false;
        while (!settled) {
            settled = protocol.settle(protocol.look(false), Planned.RUN, CommitProtocolTest::ground);
        }
        assertThat(protocol.firstUndecided()).isEqualTo(2);
        assertThat(commits).containsOnly(Map.entry(0L, "ground"), Map.entry(1L, "ground"));
    }

    private static void finish(EpochCommit commit) throws IOException {
        while (!commit.isDone()) {
            commit.advance();
        }
    }

    private static void assertFenced(org.assertj.core.api.ThrowableAssert.ThrowingCallable action) {
        assertThatThrownBy(action).isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                .isEqualTo(ErrorCode.FENCED));
    }

    private CommitProtocol settled(String run) throws IOException {
        CommitProtocol protocol = protocol(run);
        settle(protocol);
        return protocol;
    }

    private static boolean settleOnce(CommitProtocol protocol) throws IOException {
        return protocol.settle(protocol.look(false), Planned.WRITE_OFF, CommitProtocolTest::ground);
    }

    private static void settle(CommitProtocol protocol) throws IOException {
        settle(protocol, false);
    }

    private static void settle(CommitProtocol protocol, boolean givesUpDamaged) throws IOException {
        boolean settled = false;
        while (!settled) {
            settled = protocol.settle(protocol.look(givesUpDamaged), Planned.WRITE_OFF, CommitProtocolTest::ground);
        }
    }

    private static Ground ground() {
        return new Ground(bytes("ground"), STATE, 0);
    }

    private static void commit(CommitProtocol protocol, long epoch) throws IOException {
        finish(protocol.commit(epoch, bytes("end " + epoch), bytes("rows " + epoch), STATE, epoch));
    }

    private CommitProtocol protocol(String run) {
        return protocol(run, storage);
    }

    private CommitProtocol protocol(String run, MemoryStorage shared) {
        return new CommitProtocol(
                new ManifestLog(shared), new MemoryOffsetLog(offsets), new Commits(), new Sink(), run);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private final class Commits implements CommitLog {
        @Override
        public long last() {
            return commits.isEmpty() ? -1 : commits.lastKey();
        }

        @Override
        public void add(long epoch, long watermarkMillis) {
            commits.putIfAbsent(epoch, text(offsets.get(epoch)));
        }
    }

    private final class Sink implements SinkCommit {
        @Override
        public void commit(long epoch, byte[] messages) {
            sink.add("commit %d: %s".formatted(epoch, text(messages)));
        }

        @Override
        public Runnable unfinished(long firstEpoch, Ballot ballot) {
            return () -> sink.add("abort before " + firstEpoch);
        }
    }
}
