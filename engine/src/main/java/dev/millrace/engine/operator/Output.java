package dev.millrace.engine.operator;

/**
 * Where an operator puts rows. Bounded: an operator asks {@link #isFull} before each row and, when it
 * is full, returns from its step and goes on later.
 *
 * <p>Thread: the owning task.
 */
public interface Output {
    boolean isFull();

    /** Takes a copy of a row; only when not full. */
    void emit(byte[] bytes, int offset, int sizeBytes);
}
