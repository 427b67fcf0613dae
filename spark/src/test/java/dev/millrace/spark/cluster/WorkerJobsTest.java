package dev.millrace.spark.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class WorkerJobsTest {
    private static Set<String> executors(String... ids) {
        return new LinkedHashSet<>(List.of(ids));
    }

    @Test
    void startsAsManyAsAreWanted() {
        assertThat(WorkerJobs.missing(2, executors("0", "1", "2"), Set.of(), Map.of()))
                .containsExactly("0", "1");
        assertThat(WorkerJobs.missing(WorkerPool.ALL, executors("0", "1", "2"), Set.of("1"), Map.of()))
                .containsExactly("0", "2");
    }

    @Test
    void countsATaskThatIsAboutToBeAWorkerAndWaitsWithOneThatJustEnded() {
        assertThat(WorkerJobs.missing(2, executors("0", "1", "2"), Set.of(), Map.of("0", true)))
                .containsExactly("1");
        assertThat(WorkerJobs.missing(3, executors("0", "1", "2"), Set.of("2"), Map.of("0", false, "2", true)))
                .containsExactly("1");
    }

    /** The task of executor 1 runs again on 3, whose own one has ended: that is one worker, not two. */
    @Test
    void doesNotCountTheTaskOfAnExecutorThatIsGone() {
        assertThat(WorkerJobs.missing(2, executors("3", "4"), Set.of("3"), Map.of("1", true)))
                .containsExactly("4");
    }
}
