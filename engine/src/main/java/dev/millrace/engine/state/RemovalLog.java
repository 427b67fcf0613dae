package dev.millrace.engine.state;

import static dev.millrace.engine.state.KeyBytes.INT;

import dev.millrace.engine.page.RowView;
import java.util.Arrays;

/**
 * The keys of entries that were removed in an epoch and that an earlier snapshot holds; the epoch's
 * snapshot has to say so.
 *
 * <p>Layout: size of the key (4 bytes), size of its sub-key (4), key; one behind the other.
 *
 * <p>Thread: the owning task. Bounds: what the removed entries took; taken even beyond the budget, for
 * removing has to work when memory is short.
 */
final class RemovalLog {
    /** Takes the removed keys. */
    @FunctionalInterface
    interface Reader {
        void removed(RowView key, int subKeySizeBytes);
    }

    private static final int SIZES_BYTES = 8;
    private static final int FIRST_BYTES = 256;

    private final StateLedger ledger;
    private byte[] bytes = new byte[0];
    private int endOffset;

    RemovalLog(StateLedger ledger) {
        this.ledger = ledger;
    }

    boolean isEmpty() {
        return endOffset == 0;
    }

    void add(RowView key, int subKeySizeBytes) {
        int needed = Math.addExact(endOffset, SIZES_BYTES + key.sizeBytes());
        if (needed > bytes.length) {
            int capacity = Math.max(Math.max(FIRST_BYTES, needed), bytes.length + bytes.length / 2);
            ledger.takeBeyondLimit(capacity - bytes.length);
            bytes = Arrays.copyOf(bytes, capacity);
        }
        INT.set(bytes, endOffset, key.sizeBytes());
        INT.set(bytes, endOffset + 4, subKeySizeBytes);
        System.arraycopy(key.bytes(), key.offset(), bytes, endOffset + SIZES_BYTES, key.sizeBytes());
        endOffset = needed;
    }

    void read(Reader reader) {
        RowView key = new RowView();
        int at = 0;
        while (at < endOffset) {
            int keySizeBytes = (int) INT.get(bytes, at);
            int subKeySizeBytes = (int) INT.get(bytes, at + 4);
            reader.removed(key.pointTo(bytes, at + SIZES_BYTES, keySizeBytes), subKeySizeBytes);
            at += SIZES_BYTES + keySizeBytes;
        }
    }

    /** Forgets all keys and gives the memory back. */
    void clear() {
        ledger.giveBack(bytes.length);
        bytes = new byte[0];
        endOffset = 0;
    }
}
