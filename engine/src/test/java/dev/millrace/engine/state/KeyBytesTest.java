package dev.millrace.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class KeyBytesTest {
    @Test
    void spreadsDoublesCountersAndTimestampsOverTheLowBits() {
        assertThat(fullestOf1024(i -> Double.doubleToLongBits((double) i))).isLessThan(48);
        assertThat(fullestOf1024(i -> i)).isLessThan(48);
        assertThat(fullestOf1024(i -> 1_700_000_000_000_000L + i * 60_000_000L)).isLessThan(48);
        assertThat(fullestOf1024(i -> i << 48)).isLessThan(48);
    }

    @Test
    void tellsAlmostAllPairsOfSmallDoublesApart() {
        Set<Integer> hashes = new HashSet<>();
        for (int left = 0; left < 100; left++) {
            for (int right = 0; right < 100; right++) {
                byte[] pair =
                        ByteBuffer.allocate(16).putDouble(left).putDouble(right).array();
                hashes.add(KeyBytes.hash(pair, 0, 16));
            }
        }

        assertThat(hashes).hasSizeGreaterThan(9_990);
    }

    @Test
    void hashesEqualBytesEquallyAtAnyOffset() {
        byte[] bytes = {9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 9};
        byte[] alone = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};

        assertThat(KeyBytes.hash(bytes, 3, 13)).isEqualTo(KeyBytes.hash(alone, 0, 13));
        assertThat(KeyBytes.equal(bytes, 3, alone, 0, 13)).isTrue();
        assertThat(KeyBytes.equal(bytes, 4, alone, 0, 12)).isFalse();
    }

    private static int fullestOf1024(java.util.function.LongUnaryOperator words) {
        int[] counts = new int[1024];
        int fullest = 0;
        for (long i = 0; i < 16 * 1024; i++) {
            byte[] key = ByteBuffer.allocate(16)
                    .order(java.nio.ByteOrder.nativeOrder())
                    .putLong(0)
                    .putLong(words.applyAsLong(i))
                    .array();
            fullest = Math.max(fullest, ++counts[KeyBytes.hash(key, 0, 16) & 1023]);
        }
        return fullest;
    }
}
