package dev.millrace.engine.state;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionKey;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Writes one key group's part of a snapshot, as sections of bounded size.
 *
 * <p>Thread: the owning task.
 */
public final class KeyGroupWriter {
    /** A section that has become so large is handed over, and the next one begun. */
    private static final int FULL_BYTES = 256 * 1024;

    private final SectionKey key;
    private final boolean base;
    private final Consumer<Section> full;
    private final RowView entryKey = new RowView();
    private final RowView value = new RowView();
    private @Nullable Section section;
    private long handedOverBytes;

    /** @param full takes each section that is full or complete */
    public KeyGroupWriter(SectionKey key, boolean base, Consumer<Section> full) {
        this.key = key;
        this.base = base;
        this.full = full;
        if (base) {
            open(); // a base says something even where it is empty
        }
    }

    boolean isBase() {
        return base;
    }

    long sizeBytes() {
        Section open = section;
        return handedOverBytes + (open == null ? 0 : open.sizeBytes());
    }

    private Section open() {
        Section open = section;
        if (open == null) {
            open = new Section(key);
            if (base) {
                open.markBase();
            }
            section = open;
        }
        return open;
    }

    void put(EntryTable table, int entry) {
        open().put(
                        table.wholeKey(entry, entryKey),
                        table.subKeySizeBytes(entry),
                        table.storedValue(entry, value),
                        table.expiryMicros(entry));
        table.markStored(entry);
        handOverWhenFull();
    }

    /** @param wholeKey the key with its sub-key behind it */
    public void put(RowView wholeKey, int subKeySizeBytes, RowView entryValue, long expiryMicros) {
        open().put(wholeKey, subKeySizeBytes, entryValue, expiryMicros);
        handOverWhenFull();
    }

    void remove(RowView wholeKey, int subKeySizeBytes) {
        open().remove(wholeKey, subKeySizeBytes);
        handOverWhenFull();
    }

    void expire(long throughMicros) {
        open().expire(throughMicros);
    }

    private void handOverWhenFull() {
        if (open().sizeBytes() >= FULL_BYTES) {
            finish();
        }
    }

    /** Hands over what there is. */
    public void finish() {
        Section open = section;
        if (open != null) {
            section = null;
            handedOverBytes += open.sizeBytes();
            full.accept(open);
        }
    }
}
