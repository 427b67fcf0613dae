package dev.millrace.engine.exchange;

/**
 * Assigns a row to the key group that owns its key.
 *
 * <p>Thread: the owning task; an instance is not shared.
 */
@FunctionalInterface
public interface KeyGroupFunction {
    /** A number from 0 to the query's number of key groups, exclusive. */
    int keyGroup(byte[] bytes, int offset, int sizeBytes);
}
