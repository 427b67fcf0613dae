package dev.millrace.spark.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.snapshot.SnapshotFile;
import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.engine.snapshot.StateIndex;
import dev.millrace.engine.snapshot.StoredSnapshot;
import dev.millrace.engine.state.SpillFolder;
import dev.millrace.spark.outside.ObjectStore;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file that is deleted from the store, and read all the same, was read from its copy. */
final class LocalCopiesTest {
    private static final long LIMIT = 1 << 20;
    private static final SectionKey SECTION = new SectionKey(new OperatorId(1, 0), 3);

    @TempDir
    private java.nio.file.Path disk;

    private final byte[] bytes = new byte[200_000];
    private LocalCopies copies;
    private StateFiles store;

    @BeforeEach
    void open() {
        new Random(1).nextBytes(bytes);
        Configuration configuration = new Configuration(false);
        ObjectStore.register(configuration);
        store = StateFiles.of(new Path("objects://store/" + UUID.randomUUID()), configuration);
        copies = new LocalCopies(() -> SpillFolder.in(disk));
    }

    private SnapshotStorage from(StateIndex state) {
        return copies.over(store, state, LIMIT);
    }

    private static StateIndex stateIn(String... files) {
        return new StateIndex(8, Map.of(), files.length == 0 ? Map.of() : Map.of(SECTION, List.of(files)));
    }

    private void write(SnapshotStorage storage, String name) throws IOException {
        storage.write(name, output -> {
            output.write(bytes, 0, 12);
            output.write(bytes, 12, bytes.length - 12);
        });
    }

    private void requireRead(SnapshotStorage storage, String name) throws IOException {
        try (SnapshotStorage.Input input = storage.open(name)) {
            assertThat(input.sizeBytes()).isEqualTo(bytes.length);
            requireRead(input, 0, 12);
            requireRead(input, 60_000, 100_000);
            requireRead(input, bytes.length - 1, 1);
        }
    }

    private void requireRead(SnapshotStorage.Input input, int from, int length) throws IOException {
        byte[] read = new byte[length];
        input.read(from, read, length);
        assertThat(read).isEqualTo(Arrays.copyOfRange(bytes, from, from + length));
    }

    private static void requireFar(SnapshotStorage storage, String name) {
        assertThatThrownBy(() -> {
                    try (SnapshotStorage.Input input = storage.open(name)) {
                        input.read(0, new byte[1], 1);
                    }
                })
                .isInstanceOf(FileNotFoundException.class);
    }

    @Test
    void whatWasWrittenIsReadFromTheDisk() throws Exception {
        write(from(stateIn()), "files/1");
        store.delete("files/1");

        requireRead(from(stateIn("files/1")), "files/1");
    }

    @Test
    void whatWasReadIsReadFromTheDiskAgain() throws Exception {
        write(store, "files/1");
        SnapshotStorage storage = from(stateIn("files/1"));
        requireRead(storage, "files/1");
        store.delete("files/1");

        requireRead(storage, "files/1");
        try (SnapshotStorage.Input input = storage.open("files/1")) {
            requireRead(input, 70_000, 10);
            assertThatThrownBy(() -> input.read(170_000, new byte[10], 10)).isInstanceOf(FileNotFoundException.class);
        }
    }

    @Test
    void piecesThatOverlapMakeOne() throws Exception {
        write(store, "files/1");
        SnapshotStorage storage = from(stateIn("files/1"));
        try (SnapshotStorage.Input input = storage.open("files/1")) {
            requireRead(input, 10, 20);
            requireRead(input, 40, 20);
            requireRead(input, 25, 20);
            requireRead(input, 0, 70);
        }
        store.delete("files/1");

        try (SnapshotStorage.Input input = storage.open("files/1")) {
            requireRead(input, 0, 70);
            requireRead(input, 29, 2);
        }
    }

    @Test
    void aDamagedCopyIsPassedOver() throws Exception {
        SnapshotStorage storage = from(stateIn());
        write(storage, "files/1");
        java.nio.file.Path copy = copies.paths().get(0);
        byte[] damaged = Files.readAllBytes(copy);
        damaged[100_000] ^= 1;
        Files.write(copy, damaged);

        requireRead(storage, "files/1");
        assertThat(copies.paths()).isEmpty();
        requireRead(storage, "files/1");
        store.delete("files/1");
        requireRead(storage, "files/1"); // from the new copy that reading made
    }

    @Test
    void aCopyThatIsGoneOrCutOffIsPassedOver() throws Exception {
        SnapshotStorage storage = from(stateIn());
        write(storage, "files/1");
        write(storage, "files/2");
        Files.delete(copies.paths().get(0));
        Files.write(copies.paths().get(1), new byte[10]);

        requireRead(storage, "files/1");
        requireRead(storage, "files/2");
    }

    @Test
    void aFileThatWasNotFinishedHasNoCopy() throws Exception {
        SnapshotStorage storage = from(stateIn());
        try (SnapshotStorage.Output output = storage.begin("files/1")) {
            output.bytes().write(bytes);
        }

        assertThat(copies.paths()).isEmpty();
        requireFar(storage, "files/1");
    }

    @Test
    void dropsWhatTheStateGoneOnFromDoesNotNeed() throws Exception {
        SnapshotStorage first = from(stateIn());
        write(first, "files/1");
        write(first, "files/2");
        StateFiles other = StateFiles.of(new Path("objects://store/" + UUID.randomUUID()), store.configuration());
        write(copies.over(other, stateIn(), LIMIT), "files/1");

        SnapshotStorage second = from(stateIn("files/2"));

        assertThat(copies.paths()).hasSize(2);
        store.delete("files/1");
        store.delete("files/2");
        other.delete("files/1");
        requireFar(second, "files/1");
        requireRead(second, "files/2");
        requireRead(copies.over(other, stateIn("files/1"), LIMIT), "files/1");
    }

    @Test
    void dropsWhatTwoSnapshotsInARowDoWithout() throws Exception {
        SnapshotStorage storage = from(stateIn());
        for (int epoch = 1; epoch <= 3; epoch++) {
            String name = "files/" + epoch;
            write(storage, name);
            storage.stored(new StoredSnapshot(name, List.of(new SnapshotFile.Entry(SECTION, true, 12, 1, 1, 0))));
        }
        for (int epoch = 1; epoch <= 3; epoch++) {
            store.delete("files/" + epoch);
        }

        requireFar(storage, "files/1");
        requireRead(storage, "files/2"); // the third may not be decided
        requireRead(storage, "files/3");
    }

    @Test
    void takesNoMoreRoomThanItsLimit() throws Exception {
        SnapshotStorage storage = copies.over(store, stateIn(), 2 * bytes.length);
        write(storage, "files/1");
        write(storage, "files/2");
        requireRead(storage, "files/1"); // so the other is the one that was used least lately
        write(storage, "files/3");
        for (int epoch = 1; epoch <= 3; epoch++) {
            store.delete("files/" + epoch);
        }

        requireRead(storage, "files/1");
        requireRead(storage, "files/3");
        requireFar(storage, "files/2");
    }

    @Test
    void aFileLargerThanTheLimitHasNoCopy() throws Exception {
        SnapshotStorage storage = copies.over(store, stateIn(), bytes.length - 1);
        write(storage, "files/1");

        assertThat(copies.paths()).isEmpty();
        requireRead(storage, "files/1");
    }

    @Test
    void aDiskThatTakesNothingIsNoFailure() throws Exception {
        copies = new LocalCopies(() -> {
            throw new IOException("the disk is full");
        });
        SnapshotStorage storage = from(stateIn());
        write(storage, "files/1");

        requireRead(storage, "files/1");
    }

    @Test
    void keepsNothingOfAQueryThatHasEndedNorOfOneOnALocalDisk() throws Exception {
        write(from(stateIn()), "files/1");
        copies.forget(store);
        assertThat(disk).isEmptyDirectory();

        StateFiles near = StateFiles.of(new Path(disk.toUri()), new Configuration());
        assertThat(copies.over(near, stateIn(), LIMIT)).isSameAs(near);
        assertThat(copies.over(store, stateIn(), 0)).isSameAs(store);
    }
}
