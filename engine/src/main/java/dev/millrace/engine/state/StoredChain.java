package dev.millrace.engine.state;

/**
 * What snapshots hold of a table, a base and the deltas behind it, and so what the next snapshot of it
 * should be. The next is a base where the deltas outweigh the base, so that a restore reads at most
 * about twice the state; where they have become many, for each keeps a file alive; and where the table
 * has become empty, for then nothing has to be kept.
 *
 * <p>Thread: the owning task.
 */
final class StoredChain {
    static final int FEWEST_DELTAS = 32;

    /** Tables differ in how many deltas they let come, lest all of them write their base at once. */
    private final int mostDeltas;

    private boolean hasBase;
    private long baseBytes;
    private long deltaBytes;
    private int deltaCount;

    StoredChain(int keyGroup) {
        this.mostDeltas = FEWEST_DELTAS + (Integer.reverse(keyGroup) >>> 27);
    }

    boolean needsBase(long rowCount) {
        return !hasBase || deltaBytes > baseBytes || deltaCount >= mostDeltas || (rowCount == 0 && holdsAnything());
    }

    private boolean holdsAnything() {
        return baseBytes > 0 || deltaBytes > 0;
    }

    /** A snapshot was written: a base, or a delta, which may be empty. */
    void written(boolean base, long sizeBytes) {
        if (base) {
            hasBase = true;
            baseBytes = sizeBytes;
            deltaBytes = 0;
            deltaCount = 0;
        } else if (sizeBytes > 0) {
            deltaBytes += sizeBytes;
            deltaCount++;
        }
    }

    /** A section was read back, of the base or of a delta behind it. */
    void restored(boolean base, long sizeBytes) {
        if (base) {
            hasBase = true;
            baseBytes += sizeBytes;
        } else {
            deltaBytes += sizeBytes;
            deltaCount++;
        }
    }
}
