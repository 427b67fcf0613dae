package dev.millrace.engine.harness;

import dev.millrace.engine.page.RowView;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * Rows for tests of keyed operators. Layout of a row: value (8 bytes), expiry time (8), name (any
 * size); the last two are the key. Layout of a result: size of the key (8), key, payload.
 */
public final class KeyedRows {
    private static final int VALUE_BYTES = Long.BYTES;

    private KeyedRows() {}

    public static byte[] row(long value, long expiryMicros, byte[] name) {
        return buffer(VALUE_BYTES + Long.BYTES + name.length)
                .putLong(value)
                .putLong(expiryMicros)
                .put(name)
                .array();
    }

    public static long value(byte[] bytes, int offset) {
        return wrap(bytes).getLong(offset);
    }

    public static long value(RowView row) {
        return value(row.bytes(), row.offset());
    }

    /** A copy of the key's bytes. */
    public static byte[] key(RowView row) {
        return Arrays.copyOfRange(row.bytes(), row.offset() + VALUE_BYTES, row.offset() + row.sizeBytes());
    }

    public static long expiryMicros(byte[] key) {
        return wrap(key).getLong(0);
    }

    public static byte[] result(byte[] key, byte[] payload) {
        return buffer(Long.BYTES + key.length + payload.length)
                .putLong(key.length)
                .put(key)
                .put(payload)
                .array();
    }

    /** The key of a result, in hexadecimal digits. */
    public static String keyOfResult(byte[] result) {
        return hex(keyBytesOfResult(result));
    }

    public static byte[] keyBytesOfResult(byte[] result) {
        return Arrays.copyOfRange(result, Long.BYTES, Long.BYTES + keySizeBytes(result));
    }

    /** The last byte of a result's key. */
    public static byte lastOfKey(byte[] bytes, int resultOffset) {
        return bytes[resultOffset + Long.BYTES + (int) wrap(bytes).getLong(resultOffset) - 1];
    }

    /** The payload of a result, in hexadecimal digits. */
    public static String payloadOfResult(byte[] result) {
        return hex(Arrays.copyOfRange(result, Long.BYTES + keySizeBytes(result), result.length));
    }

    public static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    public static byte[] longs(long... values) {
        byte[] bytes = new byte[values.length * Long.BYTES];
        wrap(bytes).asLongBuffer().put(values);
        return bytes;
    }

    private static int keySizeBytes(byte[] result) {
        return (int) wrap(result).getLong(0);
    }

    private static ByteBuffer buffer(int sizeBytes) {
        return ByteBuffer.allocate(sizeBytes).order(ByteOrder.nativeOrder());
    }

    private static ByteBuffer wrap(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    }
}
