package dev.millrace.engine.state;

import dev.millrace.engine.page.RowView;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The entries of one key as they are outside of memory, one behind the other.
 *
 * <p>Layout of each, the most significant byte first:
 * <pre>
 *   | subKeySize | valueSize | epoch | flags | expiry | sub-key | value |
 *        4            4          4       4       8
 * </pre>
 *
 * <p>Thread: the owning task.
 */
final class SpilledEntries {
    private static final int HEADER_BYTES = 24;
    private static final int KEPT_FLAGS = EntryLayout.STORED | EntryLayout.EARLIER;

    private final byte[] key;
    private final byte[] stored;
    private final ByteBuffer from;
    private final RowView wholeKey = new RowView();
    private final RowView value = new RowView();
    private int subKeySizeBytes;
    private int stamp;
    private int flags;
    private long expiryMicros;

    SpilledEntries(byte[] key, byte[] stored) {
        this.key = key;
        this.stored = stored;
        this.from = ByteBuffer.wrap(stored);
    }

    /** Goes to the next entry; false when there is none. */
    boolean next() {
        if (!from.hasRemaining()) {
            return false;
        }
        subKeySizeBytes = from.getInt();
        int valueSizeBytes = from.getInt();
        stamp = from.getInt();
        flags = from.getInt();
        expiryMicros = from.getLong();
        byte[] whole = subKeySizeBytes == 0 ? key : Arrays.copyOf(key, key.length + subKeySizeBytes);
        from.get(whole, key.length, subKeySizeBytes);
        wholeKey.pointTo(whole, 0, whole.length);
        value.pointTo(stored, from.position(), valueSizeBytes);
        from.position(from.position() + valueSizeBytes);
        return true;
    }

    RowView wholeKey() {
        return wholeKey;
    }

    int subKeySizeBytes() {
        return subKeySizeBytes;
    }

    RowView value() {
        return value;
    }

    /** The epoch in which the entry last changed. */
    int stamp() {
        return stamp;
    }

    int flags() {
        return flags;
    }

    long expiryMicros() {
        return expiryMicros;
    }

    /** Gathers the entries of one key after another. */
    static final class Writer {
        private static final int INITIAL_BYTES = 256;
        private static final int MOST_KEPT_BYTES = 1 << 20;

        private final RowView wholeKey = new RowView();
        private final RowView value = new RowView();
        private ByteBuffer to = ByteBuffer.allocate(INITIAL_BYTES);

        /** Begins with a key's first entry. */
        void start() {
            if (to.capacity() > MOST_KEPT_BYTES) {
                to = ByteBuffer.allocate(INITIAL_BYTES);
            }
            to.clear();
        }

        void append(EntryTable table, int entry) {
            RowView stored = table.storedValue(entry, value);
            int subKeySizeBytes = table.subKeySizeBytes(entry);
            makeRoom(HEADER_BYTES + subKeySizeBytes + stored.sizeBytes());
            to.putInt(subKeySizeBytes).putInt(stored.sizeBytes());
            to.putInt(table.stamp(entry)).putInt(table.flags(entry, KEPT_FLAGS)).putLong(table.expiryMicros(entry));
            RowView whole = table.wholeKey(entry, wholeKey);
            to.put(whole.bytes(), whole.offset() + whole.sizeBytes() - subKeySizeBytes, subKeySizeBytes);
            to.put(stored.bytes(), stored.offset(), stored.sizeBytes());
        }

        private void makeRoom(int sizeBytes) {
            if (to.remaining() < sizeBytes) {
                int position = to.position();
                int capacity = Math.max(Math.addExact(position, sizeBytes), 2 * to.capacity());
                to = ByteBuffer.wrap(Arrays.copyOf(to.array(), capacity)).position(position);
            }
        }

        byte[] toBytes() {
            return Arrays.copyOf(to.array(), to.position());
        }
    }
}
