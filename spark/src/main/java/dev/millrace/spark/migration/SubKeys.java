package dev.millrace.spark.migration;

import dev.millrace.engine.page.RowView;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Puts bytes behind those of a key or a value, as the engine's tables have a sub-key behind the key.
 *
 * <p>Thread: one. Lifetime: what is made is valid until the next is.
 */
final class SubKeys {
    private final RowView view = new RowView();
    private byte[] bytes = new byte[64];

    /** A key and, behind it, a number: 8 bytes, the most significant first. */
    RowView behind(RowView key, long number) {
        copy(key, Long.BYTES);
        ByteBuffer.wrap(bytes).putLong(key.sizeBytes(), number);
        return view.pointTo(bytes, 0, key.sizeBytes() + Long.BYTES);
    }

    /** A key and, behind it, other bytes. */
    RowView behind(RowView key, RowView subKey) {
        copy(key, subKey.sizeBytes());
        System.arraycopy(subKey.bytes(), subKey.offset(), bytes, key.sizeBytes(), subKey.sizeBytes());
        return view.pointTo(bytes, 0, key.sizeBytes() + subKey.sizeBytes());
    }

    /** A row and, behind it, one byte. */
    RowView behind(RowView row, byte last) {
        copy(row, 1);
        bytes[row.sizeBytes()] = last;
        return view.pointTo(bytes, 0, row.sizeBytes() + 1);
    }

    private void copy(RowView from, int moreBytes) {
        int needed = from.sizeBytes() + moreBytes;
        if (bytes.length < needed) {
            bytes = Arrays.copyOf(bytes, 2 * needed);
        }
        System.arraycopy(from.bytes(), from.offset(), bytes, 0, from.sizeBytes());
    }
}
