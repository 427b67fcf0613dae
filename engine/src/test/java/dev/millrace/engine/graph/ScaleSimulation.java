package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.Seeds;
import org.junit.jupiter.api.Test;

/**
 * How cost grows with workers and key groups, as docs/scale.md says: the counts of its formulas hold. Times are only
 * shown, by {@code bin/simulate --scale}, which runs many more workers.
 */
class ScaleSimulation {
    private static final int KEY_GROUPS = 500;

    @Test
    void costsWhatTheFormulasSay() {
        Seeds.forEach(3, seed -> check(50, 1, seed));
        Seeds.forEach(2, seed -> check(10, 3, seed));
    }

    private static void check(int workers, int loops, long seed) throws Exception {
        ScaleRun run = new ScaleRun(ScaleModel.DATA_CENTRE, workers, loops, KEY_GROUPS, seed);
        int tasks = workers * loops;
        int farChannels = workers * (workers - 1) * loops * loops;
        assertThat(run.farChannels()).isEqualTo(farChannels);
        for (int epoch = 0; epoch < 4; epoch++) {
            ScaleFigures figures = run.epoch();
            assertThat(run.rowsWritten()).as("a row of each key group").isEqualTo((epoch + 1L) * KEY_GROUPS);
            assertThat(run.barriersSent()).isEqualTo((epoch + 1L) * farChannels);
            assertThat(figures.commands()).isEqualTo(workers);
            assertThat(figures.reports())
                    .as("one of each task of three stages, one of each worker's snapshot")
                    .isEqualTo(3L * tasks + workers);
            assertThat(figures.snapshotFiles()).isEqualTo(workers);
            assertThat(figures.sections())
                    .as("one of each key group, one of what the operator's tasks keep for themselves")
                    .isEqualTo(KEY_GROUPS + 1);
            assertThat(figures.deletedFiles())
                    .isLessThanOrEqualTo(workers + 2); // what one epoch added, and its manifest with a fence
        }
        run.close();
    }
}
