package dev.millrace.bench.throughput;

/**
 * Keys at random, cheaply: a generator must not be what is measured.
 *
 * <p>Source: Marsaglia, "Xorshift RNGs"; Lemire's reduction by multiplication.
 */
final class RandomKeys {
    private final long keyCount;
    private long state;

    RandomKeys(int keyCount, long seed) {
        this.keyCount = keyCount;
        this.state = seed * 0x9E3779B97F4A7C15L;
    }

    /** From 0 to the number of keys, exclusive. */
    int next() {
        long x = state;
        x ^= x << 13;
        x ^= x >>> 7;
        x ^= x << 17;
        state = x;
        return (int) (((x >>> 32) * keyCount) >>> 32);
    }
}
