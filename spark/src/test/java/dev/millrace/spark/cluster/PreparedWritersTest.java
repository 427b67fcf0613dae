package dev.millrace.spark.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PreparedWritersTest {
    @Test
    void tellsTheLastTaskOfEachEpochAlthoughEpochsOverlap() {
        PreparedWriters writers = new PreparedWriters(3);
        assertThat(writers.isLast(7)).isFalse();
        assertThat(writers.isLast(7)).isFalse();
        assertThat(writers.isLast(8)).isFalse();
        assertThat(writers.isLast(7)).isTrue();
        assertThat(writers.isLast(8)).isFalse();
        assertThat(writers.isLast(8)).isTrue();
    }

    @Test
    void tellsAnOnlyTaskEachTime() {
        PreparedWriters writers = new PreparedWriters(1);
        assertThat(writers.isLast(0)).isTrue();
        assertThat(writers.isLast(1)).isTrue();
    }
}
