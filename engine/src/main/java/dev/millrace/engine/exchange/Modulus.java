package dev.millrace.engine.exchange;

/**
 * {@link Math#floorMod} by one divisor, by two multiplications instead of a division: where each row's hash became
 * a key group, a profile of a count by key had a fifth of its samples in the division.
 *
 * <p>Thread: any; immutable. Source: D. Lemire, O. Kaser, N. Kurz, "Faster Remainder by Direct Computation" (2019).
 */
public final class Modulus {
    private final int divisor;

    /** What makes a dividend positive and leaves its remainder: a multiple of the divisor of 2^31 at least. */
    private final long shift;

    /** 2^64 by the divisor, rounded up; of a power of two instead one less than that, as a mask. */
    private final long reciprocal;

    private final boolean isPowerOfTwo;

    /** Errors: IllegalArgumentException for a divisor below 1. */
    public Modulus(int divisor) {
        if (divisor < 1) {
            throw new IllegalArgumentException("Cannot divide: divisor=%d. Give one above 0.".formatted(divisor));
        }
        this.divisor = divisor;
        shift = ((1L << 31) + divisor - 1) / divisor * divisor;
        isPowerOfTwo = Integer.bitCount(divisor) == 1;
        reciprocal = isPowerOfTwo ? divisor - 1 : Long.divideUnsigned(-1L, divisor) + 1;
    }

    /** From 0 up to the divisor, which it leaves out. */
    public int remainder(int dividend) {
        if (isPowerOfTwo) {
            return dividend & (int) reciprocal;
        }
        long positive = dividend + shift;
        // This times the divisor is below 2^64, so the reciprocal's rounding up never makes the quotient one too large.
        return (int) (positive - Math.multiplyHigh(reciprocal, positive) * divisor);
    }
}
