package dev.millrace.engine.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StateIndexTest {
    private static final OperatorId AGGREGATE = new OperatorId(1, 0);
    private static final SectionKey ONE = new SectionKey(AGGREGATE, 1);
    private static final SectionKey TWO = new SectionKey(AGGREGATE, 2);
    private static final SectionKey TASK = new SectionKey(AGGREGATE, SectionKey.TASK);

    private final StateIndex empty = StateIndex.empty(7, Map.of(AGGREGATE, new StatefulOperator("aggregate")));

    @Test
    void putsDeltasBehindTheirBaseAndDropsAllBeforeTheNextBase() {
        StateIndex index = empty.with(List.of(snapshot("a", base(ONE), base(TWO))))
                .with(List.of(snapshot("b", delta(ONE))))
                .with(List.of(snapshot("c", delta(ONE), delta(TWO))));
        assertThat(index.files()).isEqualTo(Map.of(ONE, List.of("a", "b", "c"), TWO, List.of("a", "c")));

        StateIndex next = index.with(List.of(snapshot("d", base(ONE))));
        assertThat(next.files()).isEqualTo(Map.of(ONE, List.of("d"), TWO, List.of("a", "c")));
        assertThat(next.allFiles()).containsExactly("a", "c", "d");
    }

    @Test
    void namesOneFileOnceForTheSectionsThatSeveralTasksHaveInIt() {
        StateIndex index = empty.with(List.of(snapshot("a", base(TASK), base(TASK), base(ONE))))
                .with(List.of(snapshot("b", base(TASK), base(TASK), base(TASK))));

        assertThat(index.files()).isEqualTo(Map.of(TASK, List.of("b"), ONE, List.of("a")));
    }

    @Test
    void keepsNoFileForAKeyGroupThatHasBecomeEmpty() {
        SnapshotFile.Entry nothing = new SnapshotFile.Entry(ONE, true, 12, 1, 0, 0);
        StateIndex index = empty.with(List.of(snapshot("a", base(ONE))))
                .with(List.of(snapshot("b", delta(ONE))))
                .with(List.of(snapshot("c", nothing)));

        assertThat(index.files()).isEmpty();
        assertThat(index.with(List.of(snapshot("d", delta(ONE)))).files()).isEqualTo(Map.of(ONE, List.of("d")));
    }

    private static StoredSnapshot snapshot(String file, SnapshotFile.Entry... entries) {
        return new StoredSnapshot(file, List.of(entries));
    }

    private static SnapshotFile.Entry base(SectionKey key) {
        return new SnapshotFile.Entry(key, true, 12, 1, 1, 0);
    }

    private static SnapshotFile.Entry delta(SectionKey key) {
        return new SnapshotFile.Entry(key, false, 12, 1, 1, 0);
    }
}
