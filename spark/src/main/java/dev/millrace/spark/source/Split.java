package dev.millrace.spark.source;

/** A piece of a portion that one slot reads on its own. Thread: any. */
public interface Split {
    /** The {@link #slot} of a split that any slot may read. */
    int ANY_SLOT = -1;

    /** The slot that is to read it, because it is still at what lies before. */
    default int slot() {
        return ANY_SLOT;
    }
}
