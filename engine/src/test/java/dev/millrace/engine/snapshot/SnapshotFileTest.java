package dev.millrace.engine.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.ZstdDecompressCtx;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.harness.MemoryStorage;
import dev.millrace.engine.page.RowView;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SnapshotFileTest {
    private static final String NAME = "files/3-attempt.snapshot";
    private static final int VERSION_OFFSET = 8;

    private final MemoryStorage storage = new MemoryStorage();

    @Test
    void givesBackEverySectionAsItWasWritten() throws Exception {
        Section base = section(new SectionKey(new OperatorId(1, 0), 4), "a", "1", "b", "2", "", "");
        base.markBase();
        Section delta = section(new SectionKey(new OperatorId(1, 2), 6), "c", "x".repeat(100_000));
        Section empty = section(new SectionKey(new OperatorId(0, 0), SectionKey.TASK));

        List<SnapshotFile.Entry> index = write(storage, List.of(base, delta, empty));

        assertThat(read()).containsExactly(text(base), text(delta), text(empty));
        assertThat(index).extracting(SnapshotFile.Entry::base).containsExactly(true, false, false);
        try (ZstdDecompressCtx zstd = new ZstdDecompressCtx();
                SnapshotFileReader reader = new SnapshotFileReader(storage, NAME, zstd)) {
            assertThat(reader.index()).isEqualTo(index);
        }
    }

    @Test
    void givesBackAFileWithoutSections() throws Exception {
        assertThat(write(storage, List.of())).isEmpty();

        assertThat(read()).isEmpty();
    }

    @Test
    void givesBackWhatDoesNotPack() throws Exception {
        byte[] noise = new byte[300_000];
        new Random(1).nextBytes(noise);
        Section section = new Section(new SectionKey(new OperatorId(1, 0), 0));
        section.put(new RowView(), view(noise));

        write(storage, List.of(section));

        assertThat(read()).containsExactly(text(section));
    }

    @Test
    void findsEveryFlippedBit() throws Exception {
        List<String> expected = writeSmall();
        byte[] whole = storage.files().get(NAME);
        for (int bit = 0; bit < whole.length * 8; bit++) {
            byte[] damaged = whole.clone();
            damaged[bit / 8] ^= (byte) (1 << (bit % 8));
            requireCorruptOrEqual(damaged, expected, "bit " + bit);
        }
    }

    @Test
    void findsWhereverItIsCutOff() throws Exception {
        List<String> expected = writeSmall();
        byte[] whole = storage.files().get(NAME);
        for (int length = 0; length < whole.length; length++) {
            requireCorrupt(Arrays.copyOf(whole, length), "length " + length);
        }
        assertThat(expected).isNotEmpty();
    }

    @Test
    void refusesANewerVersionByItsName() throws Exception {
        writeSmall();
        byte[] bytes = storage.files().get(NAME);
        ByteBuffer file = ByteBuffer.wrap(bytes);
        file.putInt(VERSION_OFFSET, SnapshotFile.VERSION + 1);
        // What the newer version would have written over its header and index.
        int indexOffset = (int) file.getLong(bytes.length - 24);
        int indexSize = file.getInt(bytes.length - 16);
        file.putInt(
                bytes.length - 12,
                SnapshotFile.crcOfIndex(bytes, Arrays.copyOfRange(bytes, indexOffset, indexOffset + indexSize)));

        assertThatThrownBy(this::read)
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.UNSUPPORTED_CHECKPOINT))
                .hasMessageContaining("file=" + NAME)
                .hasMessageContaining("version=" + (SnapshotFile.VERSION + 1));
    }

    @Test
    void leavesNoFileWhenTheWriteTears() {
        MemoryStorage tearing = new MemoryStorage(() -> 20, MemoryStorage.NOBODY);

        assertThatThrownBy(() -> write(tearing, List.of(small()))).isInstanceOf(IOException.class);
        assertThat(tearing.files()).isEmpty();
        assertThat(tearing.underWay()).isEmpty();
    }

    @Test
    void refusesRecordsThatEndTooEarly() {
        Section section = section(new SectionKey(new OperatorId(1, 0), 4), "key", "value");
        byte[] cut = Arrays.copyOf(section.bytes(), section.sizeBytes() - 1);

        assertThatThrownBy(() -> Section.of(section.key(), false, cut).read(entry -> {}))
                .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                        .isEqualTo(ErrorCode.STATE_CORRUPT));
    }

    private void requireCorruptOrEqual(byte[] damaged, List<String> expected, String what) throws Exception {
        storage.files().put(NAME, damaged);
        try {
            assertThat(read()).as(what).isEqualTo(expected);
        } catch (MillraceException e) {
            assertThat(e.code()).as(what).isEqualTo(ErrorCode.STATE_CORRUPT);
            assertThat(e).hasMessageContaining(NAME);
        }
    }

    private void requireCorrupt(byte[] damaged, String what) {
        storage.files().put(NAME, damaged);
        assertThatThrownBy(this::read).as(what).isInstanceOfSatisfying(MillraceException.class, error -> assertThat(
                        error.code())
                .isEqualTo(ErrorCode.STATE_CORRUPT));
    }

    private List<String> writeSmall() throws Exception {
        write(storage, List.of(small()));
        return read();
    }

    private static Section small() {
        Section section = section(new SectionKey(new OperatorId(1, 0), 4), "a", "1", "b", "2");
        section.markBase();
        return section;
    }

    private static List<SnapshotFile.Entry> write(MemoryStorage to, List<Section> sections) throws IOException {
        try (SnapshotFileWriter writer = new SnapshotFileWriter(to, NAME)) {
            for (Section section : sections) {
                writer.append(section);
            }
            return writer.finish();
        }
    }

    private List<String> read() throws Exception {
        List<String> sections = new ArrayList<>();
        try (ZstdDecompressCtx zstd = new ZstdDecompressCtx();
                SnapshotFileReader reader = new SnapshotFileReader(storage, NAME, zstd)) {
            for (SnapshotFile.Entry entry : reader.index()) {
                sections.add(text(reader.section(entry)));
            }
        }
        return sections;
    }

    private static Section section(SectionKey key, String... keysAndValues) {
        Section section = new Section(key);
        for (int i = 0; i < keysAndValues.length; i += 2) {
            section.put(view(bytes(keysAndValues[i])), view(bytes(keysAndValues[i + 1])));
        }
        return section;
    }

    @Test
    void givesBackEveryKindOfRecord() throws Exception {
        Section section = new Section(new SectionKey(new OperatorId(1, 2), 3, 4));
        section.expire(-5);
        section.remove(view(bytes("gone")), 2);
        section.remove(view(bytes("")), 0);
        section.put(view(bytes("key" + "s".repeat(300))), 300, view(bytes("")), Long.MIN_VALUE);
        section.put(view(bytes("")), 0, view(bytes("v".repeat(20_000))), SectionEntry.NEVER);

        write(storage, List.of(section));

        assertThat(read())
                .containsExactly(section.key() + " base=false"
                        + " EXPIRED /0=@-5"
                        + " REMOVED gone/2=@" + SectionEntry.NEVER
                        + " REMOVED /0=@" + SectionEntry.NEVER
                        + " PUT key" + "s".repeat(300) + "/300=@" + Long.MIN_VALUE
                        + " PUT /0=" + "v".repeat(20_000) + "@" + SectionEntry.NEVER);
    }

    private static String text(Section section) throws Exception {
        StringBuilder text = new StringBuilder(section.key() + " base=" + section.isBase());
        section.read(entry -> text.append(' ')
                .append(entry.kind())
                .append(' ')
                .append(latin(entry.key()))
                .append('/')
                .append(entry.subKeySizeBytes())
                .append('=')
                .append(latin(entry.value()))
                .append('@')
                .append(entry.expiryMicros()));
        return text.toString();
    }

    private static String latin(RowView view) {
        return new String(view.toBytes(), StandardCharsets.ISO_8859_1);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static RowView view(byte[] bytes) {
        return new RowView().pointTo(bytes, 0, bytes.length);
    }
}
