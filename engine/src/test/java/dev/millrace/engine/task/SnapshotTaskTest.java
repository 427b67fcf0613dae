package dev.millrace.engine.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.harness.MemoryStorage;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.Output;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.snapshot.SnapshotFile;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SnapshotTaskTest {
    private static final int SECTION_BYTES = 256 * 1024;
    private static final int SECTIONS = 200;
    private static final String FILE = StoredSnapshot.fileName(7, "run");

    private final MemoryStorage storage = new MemoryStorage();
    private final Stored stored = new Stored();
    private int wakeUps;
    private final SnapshotTask task = new SnapshotTask(storage, "run", 2, List.of(() -> wakeUps++), stored, () -> {});

    @Test
    void writesWhatOneTaskGivesBeforeTheOthersAreThrough() throws Exception {
        task.add(7, section(0));
        while (task.step()) {
            continue;
        }

        assertThat(storage.underWay()).containsExactly(FILE);
        assertThat(task.hasRoom()).isTrue();
        task.taskWritten(7);
        task.add(7, section(1));
        task.taskWritten(7);
        while (task.step()) {
            continue;
        }
        assertThat(stored.snapshots).hasSize(1);
        assertThat(stored.snapshots.get(0).index())
                .extracting(SnapshotFile.Entry::key)
                .containsExactly(section(0).key(), section(1).key());
        assertThat(storage.underWay()).isEmpty();
        assertThat(storage.files()).containsOnlyKeys(FILE);
    }

    /** State of 50 MB, over storage that takes a section now and then. */
    @Test
    void holdsAFewMegabytesOfAStateThatIsMuchLarger() throws Exception {
        TaskSnapshots large = snapshots(new LargeState());
        TaskSnapshots small = snapshots();
        large.freeze(7);
        small.freeze(7);

        int most = 0;
        int waiting = 0;
        int refused = 0;
        while (stored.snapshots.isEmpty()) {
            while (large.writeSlice()) {
                waiting++;
                most = Math.max(most, waiting);
            }
            refused += wakeUps;
            wakeUps = 0;
            assertThat(task.step()).isTrue();
            waiting--;
        }
        assertThat((long) most * SECTION_BYTES).isLessThan(SnapshotTask.ROOM_BYTES + 2 * SECTION_BYTES);
        assertThat(refused).as("times that the task was woken").isGreaterThan(SECTIONS / 4);
        assertThat(stored.snapshots.get(0).index()).hasSize(SECTIONS);
    }

    @Test
    void givesUpItsFileWhenItIsClosed() throws Exception {
        task.add(7, section(0));
        assertThat(task.step()).isTrue();

        task.close();

        assertThat(storage.underWay()).isEmpty();
        assertThat(storage.files()).isEmpty();
    }

    @Test
    void refusesAnEpochWhileAnotherIsUnderWay() throws Exception {
        task.add(7, section(0));
        task.add(8, section(0));
        assertThat(task.step()).isTrue();

        assertThatThrownBy(task::step).isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                .isEqualTo(ErrorCode.INVARIANT));
        task.close();
    }

    private TaskSnapshots snapshots(Operator... operators) {
        return new TaskSnapshots(new TaskPlace(1, "state", 0), List.of(operators), task);
    }

    private static Section section(int keyGroup) {
        byte[] bytes = new byte[SECTION_BYTES];
        new Random(keyGroup).nextBytes(bytes);
        Section section = new Section(new SectionKey(new OperatorId(1, 0), keyGroup)).markBase();
        section.put(new RowView(), new RowView().pointTo(bytes, 0, bytes.length));
        return section;
    }

    /** An operator that has a lot to write, a section at a time. */
    private static final class LargeState implements Operator {
        @Override
        public boolean process(RowCursor rows, Output output) {
            return true;
        }

        @Override
        public @Nullable FrozenState freeze(OperatorId id) {
            int[] written = {0};
            return (sizeBytes, sections) -> {
                sections.accept(section(written[0]++));
                return written[0] == SECTIONS;
            };
        }
    }

    /** Keeps what was stored. */
    private static final class Stored implements TaskReports {
        final List<StoredSnapshot> snapshots = new ArrayList<>();

        @Override
        public void snapshotStored(long epoch, StoredSnapshot snapshot) {
            assertThat(epoch).isEqualTo(7);
            snapshots.add(snapshot);
        }

        @Override
        public void sourcePositions(
                int stageId,
                int taskIndex,
                long epoch,
                List<Integer> partitionIndexes,
                List<Object> positions,
                long rowsRead) {}

        @Override
        public void portionEnded(int stageId, long portion, long maxMicros) {}

        @Override
        public void barrierTaken(int stageId, int taskIndex, long epoch) {}

        @Override
        public void sinkPrepared(int stageId, int taskIndex, long epoch, @Nullable Object message, long rowsWritten) {}

        @Override
        public void observed(OperatorId operator, long epoch, byte[] observation) {}

        @Override
        public void failed(String where, Throwable cause) {}
    }
}
