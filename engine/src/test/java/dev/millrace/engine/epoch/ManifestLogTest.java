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
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

class ManifestLogTest {
    private static final OperatorId AGGREGATE = new OperatorId(1, 0);
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

        assertThat(log.create(new Slot(4, 0), full)).isTrue();
        assertThat(log.create(new Slot(5, 0), withoutMessages)).isTrue();
        assertThat(log.create(new Slot(6, 0), new Fence(6, "other"))).isTrue();

        assertThat(log.require(4)).usingRecursiveComparison().isEqualTo(full);
        assertThat(log.require(5)).usingRecursiveComparison().isEqualTo(withoutMessages);
        assertThat(log.read(new Slot(6, 0))).isEqualTo(new Fence(6, "other"));
        assertThat(log.find(6)).isEmpty();
        assertThat(log.find(7)).isEmpty();
    }

    @Test
    void tellsAnOperatorsStatesApart() throws Exception {
        SnapshotFile.Entry other = new SnapshotFile.Entry(new SectionKey(AGGREGATE, 3, 1), true, 12, 1, 1, 0);
        StateIndex state = empty.with(List.of(snapshot("files/a", true)))
                .with(List.of(new StoredSnapshot("files/b", List.of(other))));
        log.create(new Slot(4, 0), new Manifest(4, "run", new byte[0], null, state, 7));

        assertThat(log.require(4).state()).isEqualTo(state);
    }

    @Test
    void fillsASlotOnceAndLetsTheLastOneOfAnEpochCount() throws Exception {
        assertThat(log.create(new Slot(3, 0), new Fence(3, "first"))).isTrue();
        assertThat(log.create(new Slot(3, 0), manifest(3))).isFalse();
        assertThat(log.slots()).containsOnly(Map.entry(3L, new Slot(3, 0)));
        assertThat(log.find(3)).isEmpty();

        assertThat(log.create(new Slot(3, 1), manifest(3))).isTrue();
        assertThat(log.slots()).containsOnly(Map.entry(3L, new Slot(3, 1)));
        assertThat(log.find(3)).isPresent();
        for (int generation = 2; generation < 12; generation++) {
            log.create(new Slot(3, generation), new Fence(3, "run" + generation));
        }
        assertThat(log.slots()).containsOnly(Map.entry(3L, new Slot(3, 11)));
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
        log.create(new Slot(9, 0), manifest(9));
        log.create(new Slot(10, 0), manifest(10));
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
        log.create(new Slot(1, 0), new Fence(1, "run"));
        log.create(new Slot(1, 1), new Manifest(1, "run", new byte[0], null, one, 7));
        log.create(new Slot(2, 0), new Manifest(2, "run", new byte[0], null, two, 7));
        Manifest newest = new Manifest(3, "run", new byte[0], null, three, 7);
        log.create(new Slot(3, 0), newest);

        log.purge(newest, 2);
        assertThat(storage.files())
                .containsOnlyKeys("manifests/2", "manifests/3", "files/1-a", "files/2-a", "files/3-a", "files/4-a");
        log.purge(newest, 1);
        assertThat(storage.files()).containsOnlyKeys("manifests/3", "files/3-a", "files/4-a");
    }

    @Test
    void deletesNothingWhileItCannotTellWhatAnEpochNeeds() throws Exception {
        storage.files().put("files/a", new byte[] {1});
        storage.files().put("files/1-old", new byte[] {1});
        for (long epoch = 1; epoch <= 3; epoch++) {
            log.create(new Slot(epoch, 0), manifest(epoch));
        }
        byte[] whole = storage.files().get("manifests/2");
        storage.files().put("manifests/2", new byte[] {1});
        Map<String, byte[]> before = Map.copyOf(storage.files());

        ManifestLog afterRestart = new ManifestLog(storage);
        assertThatThrownBy(() -> afterRestart.purge(manifest(3), 2))
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.STATE_CORRUPT))
                .hasMessageContaining("manifests/2");
        assertThat(storage.files()).containsExactlyInAnyOrderEntriesOf(before);

        storage.files().put("manifests/2", whole);
        afterRestart.purge(manifest(3), 2);
        assertThat(storage.files()).containsOnlyKeys("manifests/2", "manifests/3", "files/a");
    }

    private void requireCorrupt(byte[] damaged, String what) {
        storage.files().put("manifests/3", damaged);
        assertThatThrownBy(() -> log.find(3))
                .as(what)
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.STATE_CORRUPT));
    }

    private Manifest manifest(long epoch) {
        return new Manifest(
                epoch, "run", new byte[] {1}, new byte[] {2}, empty.with(List.of(snapshot("files/a", true))), 7);
    }

    private static StoredSnapshot snapshot(String file, boolean base) {
        return new StoredSnapshot(file, List.of(new SnapshotFile.Entry(ONE, base, 12, 1, 1, 0)));
    }
}
