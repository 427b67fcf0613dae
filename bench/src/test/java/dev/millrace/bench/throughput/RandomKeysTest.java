package dev.millrace.bench.throughput;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RandomKeysTest {
    @Test
    void givesEveryKeyAboutEquallyOften() {
        RandomKeys keys = new RandomKeys(10, 1);
        int[] counts = new int[10];
        for (int i = 0; i < 100_000; i++) {
            counts[keys.next()]++;
        }
        for (int count : counts) {
            assertThat(count).isBetween(9_500, 10_500);
        }
    }
}
