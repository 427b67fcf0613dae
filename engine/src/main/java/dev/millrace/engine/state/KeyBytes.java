package dev.millrace.engine.state;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Hashing and comparing of key bytes, eight at a time. Hashes live in memory only: they depend on the
 * machine's byte order and may change between versions.
 */
public final class KeyBytes {
    static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.nativeOrder());
    static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private static final long WORD_MULTIPLIER = 0x9E3779B97F4A7C15L;
    private static final long LAST_MULTIPLIER = 0xD6E8FEB86659FD93L;

    private KeyBytes() {}

    /**
     * Each word is multiplied into the state and the upper half folded down, so that words which differ
     * in their upper bits only, as doubles and timestamps do, still spread.
     */
    public static int hash(byte[] bytes, int offset, int sizeBytes) {
        long state = sizeBytes;
        int at = offset;
        int wordsEnd = offset + (sizeBytes & ~7);
        for (; at < wordsEnd; at += Long.BYTES) {
            state = mix(state ^ (long) LONG.get(bytes, at));
        }
        int end = offset + sizeBytes;
        if (at < end) {
            long tail = 0;
            for (; at < end; at++) {
                tail = (tail << 8) | (bytes[at] & 0xFF);
            }
            state = mix(state ^ tail);
        }
        return (int) ((state * LAST_MULTIPLIER) >>> 32);
    }

    private static long mix(long state) {
        long product = state * WORD_MULTIPLIER;
        return product ^ (product >>> 32);
    }

    public static boolean equal(byte[] left, int leftOffset, byte[] right, int rightOffset, int sizeBytes) {
        int at = 0;
        int wordsEnd = sizeBytes & ~7;
        for (; at < wordsEnd; at += Long.BYTES) {
            if ((long) LONG.get(left, leftOffset + at) != (long) LONG.get(right, rightOffset + at)) {
                return false;
            }
        }
        for (; at < sizeBytes; at++) {
            if (left[leftOffset + at] != right[rightOffset + at]) {
                return false;
            }
        }
        return true;
    }
}
