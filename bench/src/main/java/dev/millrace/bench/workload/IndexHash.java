package dev.millrace.bench.workload;

/**
 * Numbers that look random and follow from an index, cheaply: a generator must not be what is measured.
 *
 * <p>Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators"; Lemire's reduction by
 * multiplication.
 */
public final class IndexHash {
    private IndexHash() {}

    public static long of(long index) {
        long x = (index + 1) * 0x9E3779B97F4A7C15L;
        x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
        x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
        return x ^ (x >>> 31);
    }

    /** From 0 to {@code bound}, exclusive, by the upper half of a hash. */
    public static int below(long hash, int bound) {
        return (int) (((hash >>> 32) * bound) >>> 32);
    }
}
