package dev.millrace.engine.snapshot;

import dev.millrace.engine.page.RowView;

/**
 * One record of a section, reused for the next. What it points at belongs to the section.
 *
 * <p>Thread: one owner.
 */
public final class SectionEntry {
    /** What a record says. */
    public enum Kind {
        /** The key has this value from now on. */
        PUT,
        /** The key has no value any more. */
        REMOVED,
        /** All entries that were to expire up to a time are gone, of those that were put before this. */
        EXPIRED
    }

    /** An expiry time that never comes. */
    public static final long NEVER = Long.MAX_VALUE;

    private final RowView key = new RowView();
    private final RowView value = new RowView();
    private Kind kind = Kind.PUT;
    private int subKeySizeBytes;
    private long expiryMicros = NEVER;

    SectionEntry set(Kind newKind, int newSubKeySizeBytes, long newExpiryMicros) {
        kind = newKind;
        subKeySizeBytes = newSubKeySizeBytes;
        expiryMicros = newExpiryMicros;
        return this;
    }

    public Kind kind() {
        return kind;
    }

    /** The key with its sub-key behind it. */
    public RowView key() {
        return key;
    }

    /** How many of the key's last bytes are its sub-key. */
    public int subKeySizeBytes() {
        return subKeySizeBytes;
    }

    /** The value of what was put. */
    public RowView value() {
        return value;
    }

    /** When the entry expires, or for {@link Kind#EXPIRED} up to when all have; {@link #NEVER} for never. */
    public long expiryMicros() {
        return expiryMicros;
    }
}
