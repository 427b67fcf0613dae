package dev.millrace.engine.epoch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.epoch.ManifestLog.Fence;
import dev.millrace.engine.epoch.ManifestLog.Slot;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.harness.MemoryStorage;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.snapshot.SnapshotFile;
import dev.millrace.engine.snapshot.StateIndex;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.engine.snapshot.StatefulOperator;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

class ManifestLogTest {
    private static final OperatorId AGGREGATE = new OperatorId(1, 0);
    private static final Ballot FIRST = new Ballot(1, "run");
    private static final SectionKey ONE = new SectionKey(AGGREGATE, 1);

    private final MemoryStorage storage = new MemoryStorage();
    private final ManifestLog log = new ManifestLog(storage);
    private final StateIndex empty = StateIndex.empty(
            7,
            Map.of(
                    AGGREGATE,
                    new StatefulOperator(
                            "Aggregate[\u00e9]",
                            List.of(
                                    new StateSchema(0, "buffers", StateSchema.Kind.VALUE, "key \u00e9", "", "{\"a\"}"),
                                    new StateSchema(1, "more", StateSchema.Kind.MAP, "key", "sub", ""))),
                    new OperatorId(0, 0),
                    new StatefulOperator("w")));

    @Test
    void readsBackWhatWasCreated() throws Exception {
        StateIndex state = empty.with(List.of(snapshot("files/a", true))).with(List.of(snapshot("files/b", false)));
        byte[] offsets = "v1\n{\u00e9}\n{}".getBytes(StandardCharsets.UTF_8);
        Manifest full = new Manifest(4, "run", offsets, new byte[] {0, -1, 10}, state, 7);
        Manifest withoutMessages = new Manifest(5, "run", new byte[0], null, empty, 7);

        log.write(slot(4), full);
        log.write(slot(5), withoutMessages);
        log.write(Slot.ofFence(6, FIRST), new Fence(6, "other"));

        assertThat(log.require(4)).usingRecursiveComparison().isEqualTo(full);
        assertThat(log.require(5)).usingRecursiveComparison().isEqualTo(withoutMessages);
        assertThat(log.read(Slot.ofFence(6, FIRST))).isEqualTo(new Fence(6, "other"));
        assertThat(log.find(6)).isEmpty();
        assertThat(log.find(7)).isEmpty();
    }

    @Test
    void tellsAnOperatorsStatesApart() throws Exception {
        SnapshotFile.Entry other = new SnapshotFile.Entry(new SectionKey(AGGREGATE, 3, 1), true, 12, 1, 1, 0);
        StateIndex state = empty.with(List.of(snapshot("files/a", true)))
                .with(List.of(new StoredSnapshot("files/b", List.of(other))));
        log.write(slot(4), new Manifest(4, "run", new byte[0], null, state, 7));

        assertThat(log.require(4).state()).isEqualTo(state);
    }

    @Test
    void letsTheEntryWithTheHighestBallotCount() throws Exception {
        log.write(Slot.ofFence(3, FIRST), new Fence(3, "first"));
        assertThat(log.find(3)).isEmpty();
        log.write(slot(3), manifest(3));
        assertThat(log.find(3)).as("a run's manifest overrules its own fence").isPresent();

        log.write(Slot.ofFence(3, new Ballot(10, "a")), new Fence(3, "a"));
        log.write(Slot.ofManifest(3, new Ballot(9, "z")), manifest(3));
        assertThat(log.slots()).containsOnly(Map.entry(3L, Slot.ofFence(3, new Ballot(10, "a"))));
        assertThat(log.find(3)).isEmpty();
        log.write(Slot.ofManifest(3, new Ballot(10, "b")), manifest(3));
        assertThat(log.find(3)).as("of two with one number the run decides").isPresent();
    }

    @Test
    void readsWhatWasWrittenBeforeThereWereClaims() throws Exception {
        byte[] bytes = ManifestFormat.write(manifest(3));
        storage.files().put("manifests/3", bytes);
        assertThat(log.find(3)).isPresent();
        storage.files().put("manifests/3.1", ManifestFormat.write(new Fence(3, "second")));
        assertThat(log.find(3)).isEmpty();
        for (int generation = 2; generation < 12; generation++) {
            storage.files().put("manifests/3." + generation, bytes);
        }
        assertThat(log.slots()).containsOnly(Map.entry(3L, Slot.ofManifest(3, new Ballot(11, ""))));
        assertThat(log.list().highest()).isEqualTo(new Ballot(11, ""));
        log.write(Slot.ofFence(3, new Ballot(12, "run")), new Fence(3, "run"));
        assertThat(log.find(3)).isEmpty();
    }

    @Test
    void knowsAllBallotsThatAreClaimedOrWereWrittenUnder() throws Exception {
        assertThat(log.list().highest()).isEqualTo(Ballot.LOWEST);
        log.claim(new Ballot(2, "a-b"));
        log.write(slot(3), manifest(3));
        storage.files().put("manifests/.7-x.claim.tmp", new byte[0]);
        assertThat(log.list().claims()).containsExactly(new Ballot(2, "a-b"));
        assertThat(log.list().highest()).isEqualTo(new Ballot(2, "a-b"));
        assertThat(log.list().rivalOf(new Ballot(1, "other"))).contains(new Ballot(2, "a-b"));
        assertThat(log.list().rivalOf(new Ballot(2, "a-a"))).contains(new Ballot(2, "a-b"));
        assertThat(log.list().rivalOf(new Ballot(1, "z"))).contains(new Ballot(2, "a-b"));
        assertThat(log.list().rivalOf(new Ballot(2, "a-b"))).as("its own").isEmpty();
        assertThat(log.list().rivalOf(new Ballot(2, "c"))).isEmpty();
        log.write(Slot.ofManifest(4, new Ballot(3, "d")), manifest(4));
        assertThat(log.list().rivalOf(new Ballot(2, "c"))).contains(new Ballot(3, "d"));
    }

    @Test
    void deletesWhatAFenceMakesVoidAndNothingElse() throws Exception {
        Ballot mine = new Ballot(5, "b");
        for (Ballot other : List.of(new Ballot(4, "z"), new Ballot(5, "a"), mine, new Ballot(6, "a"))) {
            log.claim(other);
            log.write(Slot.ofFence(7, other), new Fence(7, "run"));
        }
        log.write(Slot.ofManifest(7, new Ballot(4, "z")), manifest(7));
        log.write(Slot.ofManifest(6, new Ballot(4, "z")), manifest(6));
        log.dropBelow(Slot.ofFence(7, mine), log.list());
        assertThat(storage.files())
                .containsOnlyKeys(
                        "manifests/5-b.claim",
                        "manifests/6-a.claim",
                        "manifests/6.4-z",
                        "manifests/7.5-b.fence",
                        "manifests/7.6-a.fence");
    }

    @Test
    void findsEveryFlippedBit() throws Exception {
        byte[] whole = ManifestFormat.write(manifest(3));
        for (int bit = 0; bit < whole.length * 8; bit++) {
            byte[] damaged = whole.clone();
            damaged[bit / 8] ^= (byte) (1 << (bit % 8));
            requireCorrupt(damaged, "bit " + bit);
        }
    }

    @Test
    void findsWhereverItIsCutOff() throws Exception {
        byte[] whole = ManifestFormat.write(manifest(3));
        for (int length = 0; length < whole.length; length++) {
            requireCorrupt(Arrays.copyOf(whole, length), "length " + length);
        }
    }

    @Test
    void saysWhichEpochsHaveAManifestWhereOneIsMissing() throws Exception {
        log.write(slot(9), manifest(9));
        log.write(slot(10), manifest(10));
        storage.files().put("manifests/.11.tmp", new byte[] {1});
        storage.files().put("manifests/12.tmp", new byte[] {1});

        assertThatThrownBy(() -> log.require(8))
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.UNSUPPORTED_CHECKPOINT))
                .hasMessageContaining("[9, 10]");
    }

    @Test
    void refusesANewerVersionByItsName() {
        byte[] json = "{\"version\":3}".getBytes(StandardCharsets.UTF_8);
        CRC32C crc = new CRC32C();
        crc.update(json);
        storage.files()
                .put(
                        "manifests/5",
                        ("%08x\n".formatted(crc.getValue()) + "{\"version\":3}").getBytes(StandardCharsets.UTF_8));

        assertThatThrownBy(() -> log.find(5))
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.UNSUPPORTED_CHECKPOINT))
                .hasMessageContaining("version=3");
    }

    @Test
    void purgesOldEpochsWithTheirFencesAndTheFilesThatNobodyNeeds() throws Exception {
        for (String file : List.of("files/1-a", "files/2-a", "files/2-dead", "files/3-a", "files/4-a")) {
            storage.files().put(file, new byte[] {1});
        }
        StateIndex one = empty.with(List.of(snapshot("files/1-a", true)));
        StateIndex two = one.with(List.of(snapshot("files/2-a", false)));
        StateIndex three = empty.with(List.of(snapshot("files/3-a", true)));
        log.write(Slot.ofFence(1, FIRST), new Fence(1, "run"));
        log.write(slot(1), new Manifest(1, "run", new byte[0], null, one, 7));
        log.write(slot(2), new Manifest(2, "run", new byte[0], null, two, 7));
        Manifest newest = new Manifest(3, "run", new byte[0], null, three, 7);
        log.write(slot(3), newest);

        log.purge(newest, 2, FIRST);
        assertThat(storage.files())
                .containsOnlyKeys(
                        "manifests/2.1-run", "manifests/3.1-run", "files/1-a", "files/2-a", "files/3-a", "files/4-a");
        log.purge(newest, 1, FIRST);
        assertThat(storage.files()).containsOnlyKeys("manifests/3.1-run", "files/3-a", "files/4-a");
    }

    @Test
    void purgesClaimsBelowItsOwnAndCountsNoFenceBehindAsAnEpochToKeep() throws Exception {
        Manifest newest = manifest(3);
        log.write(slot(2), manifest(2));
        log.write(slot(3), newest);
        log.write(Slot.ofFence(4, new Ballot(0, "slept")), new Fence(4, "slept"));
        log.claim(new Ballot(0, "slept"));
        log.claim(FIRST);

        log.purge(newest, 1, FIRST);
        assertThat(storage.files())
                .containsOnlyKeys("manifests/1-run.claim", "manifests/3.1-run", "manifests/4.0-slept.fence");
    }

    @Test
    void purgesNothingOnceAnotherRunHasTakenOver() throws Exception {
        log.write(slot(2), manifest(2));
        log.write(slot(3), manifest(3));
        log.claim(new Ballot(2, "other"));
        Map<String, byte[]> before = Map.copyOf(storage.files());

        log.purge(manifest(3), 1, FIRST);
        assertThat(storage.files()).containsExactlyInAnyOrderEntriesOf(before);
    }

    /** Many files take long, and the other run may be told to go on from an epoch whose files are not deleted yet. */
    @Test
    void leavesTheRestOnceAnotherRunTakesOverWhileItDeletes() throws Exception {
        List<String> deletions = new ArrayList<>();
        MemoryStorage watched = new MemoryStorage() {
            @Override
            public void delete(String name) {
                super.delete(name);
                deletions.add(name);
                if (deletions.size() == 150) {
                    files().put("manifests/2-other.claim", new byte[] {1});
                }
            }
        };
        ManifestLog slow = new ManifestLog(watched);
        slow.write(slot(2), manifest(2));
        slow.write(slot(3), manifest(3));
        for (int file = 0; file < 1_000; file++) {
            watched.files().put("files/1-" + file, new byte[] {1});
        }

        slow.purge(manifest(3), 1, FIRST);
        assertThat(deletions).hasSizeBetween(150, 300);
    }

    @Test
    void deletesNothingWhileItCannotTellWhatAnEpochNeeds() throws Exception {
        storage.files().put("files/a", new byte[] {1});
        storage.files().put("files/1-old", new byte[] {1});
        for (long epoch = 1; epoch <= 3; epoch++) {
            log.write(slot(epoch), manifest(epoch));
        }
        byte[] whole = storage.files().get("manifests/2.1-run");
        storage.files().put("manifests/2.1-run", new byte[] {1});
        Map<String, byte[]> before = Map.copyOf(storage.files());

        ManifestLog afterRestart = new ManifestLog(storage);
        assertThatThrownBy(() -> afterRestart.purge(manifest(3), 2, FIRST))
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.STATE_CORRUPT))
                .hasMessageContaining("manifests/2.1-run");
        assertThat(storage.files()).containsExactlyInAnyOrderEntriesOf(before);

        storage.files().put("manifests/2.1-run", whole);
        afterRestart.purge(manifest(3), 2, FIRST);
        assertThat(storage.files()).containsOnlyKeys("manifests/2.1-run", "manifests/3.1-run", "files/a");
    }

    private void requireCorrupt(byte[] damaged, String what) {
        storage.files().put("manifests/3", damaged);
        assertThatThrownBy(() -> log.find(3))
                .as(what)
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.STATE_CORRUPT));
    }

    private static Slot slot(long epoch) {
        return Slot.ofManifest(epoch, FIRST);
    }

    private Manifest manifest(long epoch) {
        return new Manifest(
                epoch, "run", new byte[] {1}, new byte[] {2}, empty.with(List.of(snapshot("files/a", true))), 7);
    }

    private static StoredSnapshot snapshot(String file, boolean base) {
        return new StoredSnapshot(file, List.of(new SnapshotFile.Entry(ONE, base, 12, 1, 1, 0)));
    }
}
