package dev.millrace.spark.source;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class OffsetJsonTest {
    @Test
    void reachesWhatNoCounterIsBehindOf() {
        assertThat(OffsetJson.hasReached("{\"t\":{\"0\":5,\"1\":7}}", "{\"t\":{\"1\":7,\"0\":5}}"))
                .isTrue();
        assertThat(OffsetJson.hasReached("{\"t\":{\"0\":6,\"1\":7}}", "{\"t\":{\"0\":5,\"1\":7}}"))
                .isTrue();
        assertThat(OffsetJson.hasReached("{\"t\":{\"0\":4,\"1\":9}}", "{\"t\":{\"0\":5,\"1\":7}}"))
                .isFalse();
        assertThat(OffsetJson.hasReached("{\"t\":{\"0\":5}}", "{\"t\":{\"0\":5,\"1\":0}}"))
                .isFalse();
        assertThat(OffsetJson.hasReached("9", "8")).isTrue();
        assertThat(OffsetJson.hasReached("7", "8")).isFalse();
    }

    @Test
    void comparesAsTextWhatHoldsNoCounters() {
        assertThat(OffsetJson.hasReached("\"b\"", "\"a\"")).isFalse();
        assertThat(OffsetJson.hasReached("not json", "not json")).isTrue();
        assertThat(OffsetJson.hasReached("not json", "3")).isFalse();
        assertThat(OffsetJson.hasReached("[4]", "[3]")).isFalse();
    }

    @Test
    void seesPartitionsThatAreNewOrGone() {
        assertThat(OffsetJson.hasOtherPartitions("{\"t\":{\"0\":5,\"1\":0}}", "{\"t\":{\"0\":5}}"))
                .isTrue();
        assertThat(OffsetJson.hasOtherPartitions("{\"t\":{\"0\":5},\"u\":{\"0\":1}}", "{\"t\":{\"0\":5}}"))
                .isTrue();
        assertThat(OffsetJson.hasOtherPartitions("{\"t\":{\"0\":9}}", "{\"t\":{\"0\":5,\"1\":3}}"))
                .isTrue();
        assertThat(OffsetJson.hasOtherPartitions("{\"t\":{\"0\":9}}", "{\"t\":{\"0\":5}}"))
                .isFalse();
        assertThat(OffsetJson.hasOtherPartitions("text", "{}")).isFalse();
    }
}
