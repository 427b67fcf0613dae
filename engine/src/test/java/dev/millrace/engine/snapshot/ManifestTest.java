package dev.millrace.engine.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.harness.MemoryStorage;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

class ManifestTest {
    private static final OperatorId AGGREGATE = new OperatorId(1, 0);
    private static final SectionKey ONE = new SectionKey(AGGREGATE, 1);
    private static final SectionKey TWO = new SectionKey(AGGREGATE, 2);
    private static final SectionKey TASK = new SectionKey(AGGREGATE, SectionKey.TASK);

    private final MemoryStorage storage = new MemoryStorage();
    private final Manifest empty = Manifest.empty(7, Map.of(AGGREGATE, "Aggregate[\u00e9]", new OperatorId(0, 0), "w"));

    @Test
    void readsBackWhatWasStored() throws Exception {
        Manifest manifest = empty.with(3, snapshot("a", base(ONE), base(TASK))).with(4, snapshot("b", delta(ONE)));
        manifest.store(storage);

        assertThat(Manifest.load(storage, 4)).isEqualTo(manifest);
        assertThat(manifest.epoch()).isEqualTo(4);
        assertThat(manifest.allFiles()).containsExactly("a", "b");
    }

    @Test
    void readsBackAManifestWithoutState() throws Exception {
        Manifest manifest = empty.with(0, snapshot("a"));
        manifest.store(storage);

        assertThat(Manifest.load(storage, 0)).isEqualTo(manifest);
        assertThat(manifest.allFiles()).isEmpty();
    }

    @Test
    void putsDeltasBehindTheirBaseAndDropsAllBeforeTheNextBase() {
        Manifest manifest = empty.with(0, snapshot("a", base(ONE), base(TWO)))
                .with(1, snapshot("b", delta(ONE)))
                .with(2, snapshot("c", delta(ONE), delta(TWO)));
        assertThat(manifest.files()).isEqualTo(Map.of(ONE, List.of("a", "b", "c"), TWO, List.of("a", "c")));

        Manifest next = manifest.with(3, snapshot("d", base(ONE)));
        assertThat(next.files()).isEqualTo(Map.of(ONE, List.of("d"), TWO, List.of("a", "c")));
        assertThat(next.allFiles()).containsExactly("a", "c", "d");
    }

    @Test
    void namesOneFileOnceForTheSectionsThatSeveralTasksHaveInIt() {
        Manifest manifest = empty.with(0, snapshot("a", base(TASK), base(TASK), base(ONE)))
                .with(1, snapshot("b", base(TASK), base(TASK), base(TASK)));

        assertThat(manifest.files()).isEqualTo(Map.of(TASK, List.of("b"), ONE, List.of("a")));
    }

    @Test
    void tellsAnOperatorsStatesApart() throws Exception {
        SectionKey other = new SectionKey(AGGREGATE, 3, 1);
        Manifest manifest = empty.with(3, snapshot("a", base(ONE))).with(4, snapshot("b", base(other)));
        manifest.store(storage);

        assertThat(Manifest.load(storage, 4).files()).isEqualTo(Map.of(ONE, List.of("a"), other, List.of("b")));
    }

    @Test
    void keepsNoFileForAKeyGroupThatHasBecomeEmpty() {
        SnapshotFile.Entry nothing = new SnapshotFile.Entry(ONE, true, 12, 1, 0, 0);
        Manifest manifest = empty.with(0, snapshot("a", base(ONE)))
                .with(1, snapshot("b", delta(ONE)))
                .with(2, snapshot("c", nothing));

        assertThat(manifest.files()).isEmpty();
        assertThat(manifest.with(3, snapshot("d", delta(ONE))).files()).isEqualTo(Map.of(ONE, List.of("d")));
    }

    @Test
    void findsEveryFlippedBit() throws Exception {
        empty.with(3, snapshot("a", base(ONE))).store(storage);
        byte[] whole = storage.files().get(Manifest.fileName(3));
        for (int bit = 0; bit < whole.length * 8; bit++) {
            byte[] damaged = whole.clone();
            damaged[bit / 8] ^= (byte) (1 << (bit % 8));
            requireCorrupt(damaged, "bit " + bit);
        }
    }

    @Test
    void findsWhereverItIsCutOff() throws Exception {
        empty.with(3, snapshot("a", base(ONE))).store(storage);
        byte[] whole = storage.files().get(Manifest.fileName(3));
        for (int length = 0; length < whole.length; length++) {
            requireCorrupt(java.util.Arrays.copyOf(whole, length), "length " + length);
        }
    }

    @Test
    void saysWhichEpochsHaveAManifestWhereOneIsMissing() throws Exception {
        empty.with(9, snapshot("a")).store(storage);
        empty.with(10, snapshot("a")).store(storage);
        storage.write("manifests/.11.tmp", output -> output.write(1));

        assertThat(Manifest.epochs(storage)).containsExactly(9L, 10L);
        assertThatThrownBy(() -> Manifest.load(storage, 8))
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.UNSUPPORTED_CHECKPOINT))
                .hasMessageContaining("[9, 10]");
    }

    @Test
    void refusesANewerVersionByItsName() throws Exception {
        byte[] json = "{\"version\":2}".getBytes(StandardCharsets.UTF_8);
        CRC32C crc = new CRC32C();
        crc.update(json);
        storage.write(Manifest.fileName(5), output -> {
            output.write("%08x\n".formatted(crc.getValue()).getBytes(StandardCharsets.US_ASCII));
            output.write(json);
        });

        assertThatThrownBy(() -> Manifest.load(storage, 5))
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.UNSUPPORTED_CHECKPOINT))
                .hasMessageContaining("version=2");
    }

    private void requireCorrupt(byte[] damaged, String what) {
        storage.files().put(Manifest.fileName(3), damaged);
        assertThatThrownBy(() -> Manifest.load(storage, 3))
                .as(what)
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.STATE_CORRUPT));
    }

    private static StoredSnapshot snapshot(String file, SnapshotFile.Entry... entries) {
        return new StoredSnapshot(file, new ArrayList<>(List.of(entries)));
    }

    private static SnapshotFile.Entry base(SectionKey key) {
        return new SnapshotFile.Entry(key, true, 12, 1, 1, 0);
    }

    private static SnapshotFile.Entry delta(SectionKey key) {
        return new SnapshotFile.Entry(key, false, 12, 1, 1, 0);
    }
}
