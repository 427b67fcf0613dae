package dev.millrace.bench.workload;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class WorkloadTest {
    /** Takes nothing but an event's kind. */
    private static final class Kinds implements RowTarget {
        private final int[] counts = new int[3];

        @Override
        public boolean wants(int column) {
            return column == 0;
        }

        @Override
        public void setInt(int column, int value) {
            counts[value]++;
        }

        @Override
        public void setLong(int column, long value) {}

        @Override
        public void setDouble(int column, double value) {}

        @Override
        public void setString(int column, byte[] utf8) {}

        @Override
        public void setTime(int column, long millis) {}
    }

    @Test
    void generatesNexmarkInItsProportions() {
        Kinds kinds = new Kinds();
        NexmarkRows rows = new NexmarkRows();
        for (long index = 0; index < 5_000; index++) {
            rows.write(index, kinds);
        }
        assertThat(kinds.counts).containsExactly(100, 300, 4_600);
    }

    @Test
    void givesEveryRowToOnePartition() {
        int partitions = 3;
        long rows = 10_000;
        TreeSet<Long> indexes = new TreeSet<>();
        for (int i = 0; i < partitions; i++) {
            PartitionRows partition = new PartitionRows(i, partitions);
            long count = partition.countBelow(rows);
            for (long given = 0; given < count; given++) {
                assertThat(indexes.add(partition.index(given))).isTrue();
            }
            assertThat(partition.index(count)).isGreaterThanOrEqualTo(rows);
        }
        assertThat(indexes).hasSize((int) rows).first().isEqualTo(0L);
        assertThat(indexes.last()).isEqualTo(rows - 1);
    }

    @Test
    void givesEveryKeyAboutEquallyOften() {
        int[] counts = new int[10];
        for (int i = 0; i < 100_000; i++) {
            counts[IndexHash.below(IndexHash.of(i), 10)]++;
        }
        for (int count : counts) {
            assertThat(count).isBetween(9_500, 10_500);
        }
    }

    @Test
    void comparesAnswersWhateverTheirOrderAndTheirWayThere(@TempDir Path folder) throws Exception {
        Answer replaced = new Answer(List.of(0));
        replaced.add("a", 1L);
        replaced.add("b", 0.1 + 0.2);
        replaced.add("a", 2L);
        Answer takenBack = new Answer(List.of());
        takenBack.add("b", 0.3);
        takenBack.remove("a", 1);
        takenBack.add("a", 1);
        takenBack.add("a", 2);
        Answer other = new Answer(List.of());
        other.add("a", 3);
        replaced.write(folder.resolve("replaced"));
        takenBack.write(folder.resolve("takenBack"));
        other.write(folder.resolve("other"));

        assertThat(Answer.difference(folder.resolve("replaced"), folder.resolve("takenBack")))
                .isEmpty();
        assertThat(Answer.difference(folder.resolve("replaced"), folder.resolve("other")))
                .hasValueSatisfying(text -> assertThat(text).contains("rows 1 of 2", "expected 'a\t2', given 'a\t3'"));
    }
}
