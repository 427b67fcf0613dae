package dev.millrace.engine.state;

/**
 * Gets each entry whose time has come, in the order of their times within a key group, before it is
 * removed.
 *
 * <p>Thread: the owning task.
 */
@FunctionalInterface
public interface ExpiryVisitor<T extends EntryTable> {
    /**
     * Looks at an entry. False when it could not be done now, because the output is full: then the
     * entry, whose size and expiry time must be as they were, is not removed, the walk stops, and later
     * comes to it again, perhaps behind others.
     *
     * <p>On true the entry is removed, unless the visitor gave it a later expiry time with {@link
     * EntryTable#changeExpiry}, or removed it itself. The visitor may also change, add and remove other
     * entries.
     */
    boolean visit(int keyGroup, T table, int entry);
}
