package dev.millrace.spark.function;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.state.KeyBytes;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * The key that a call is under way for, and the times that it sees: what all state of the call goes by.
 *
 * <p>Thread: the owning task.
 */
final class CurrentGroup {
    private static final long MICROS_PER_MILLI = TimeUnit.MILLISECONDS.toMicros(1);

    private final RowView key = new RowView();
    private byte[] keyBytes = new byte[64];
    private int keyGroup;
    private int hash;
    private boolean isOpen;
    private long watermarkMicros = Long.MIN_VALUE;
    private long timeMillis;

    /** The times that calls see from now on. */
    void present(long newWatermarkMicros, long newTimeMillis) {
        watermarkMicros = newWatermarkMicros;
        timeMillis = newTimeMillis;
    }

    /** Goes to a key, whose bytes are copied. */
    void goTo(int newKeyGroup, RowView newKey) {
        int sizeBytes = newKey.sizeBytes();
        if (sizeBytes > keyBytes.length) {
            keyBytes = Arrays.copyOf(keyBytes, Math.max(sizeBytes, keyBytes.length * 2));
        }
        System.arraycopy(newKey.bytes(), newKey.offset(), keyBytes, 0, sizeBytes);
        key.pointTo(keyBytes, 0, sizeBytes);
        hash = KeyBytes.hash(keyBytes, 0, sizeBytes);
        keyGroup = newKeyGroup;
        isOpen = true;
    }

    /** The call is through: there is no key. */
    void leave() {
        isOpen = false;
    }

    boolean isOpen() {
        return isOpen;
    }

    int keyGroup() {
        return keyGroup;
    }

    RowView key() {
        return key;
    }

    /** The hash of the key's bytes, as state looks for it. */
    int hash() {
        return hash;
    }

    long watermarkMicros() {
        return watermarkMicros;
    }

    /** The watermark as Spark's users see it, 0 before there is one. */
    long watermarkMillis() {
        return Math.max(0, Math.floorDiv(watermarkMicros, MICROS_PER_MILLI));
    }

    long timeMillis() {
        return timeMillis;
    }

    /** The moment, in the unit of expiry times, that a time in milliseconds is; far away, the last or first one. */
    static long micros(long millis) {
        return TimeUnit.MILLISECONDS.toMicros(millis);
    }
}
