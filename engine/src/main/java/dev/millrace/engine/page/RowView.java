package dev.millrace.engine.page;

/**
 * A movable window over one row's bytes. Reused: what it points at is valid only until its owner
 * moves it or releases the page below.
 *
 * <p>Thread: one owner.
 */
public final class RowView {
    private byte[] bytes = new byte[0];
    private int offset;
    private int sizeBytes;

    /** Moves the window. */
    public RowView pointTo(byte[] newBytes, int newOffset, int newSizeBytes) {
        bytes = newBytes;
        offset = newOffset;
        sizeBytes = newSizeBytes;
        return this;
    }

    public byte[] bytes() {
        return bytes;
    }

    public int offset() {
        return offset;
    }

    public int sizeBytes() {
        return sizeBytes;
    }

    /** A copy of the bytes below the window. */
    public byte[] toBytes() {
        return java.util.Arrays.copyOfRange(bytes, offset, offset + sizeBytes);
    }
}
