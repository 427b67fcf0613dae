package dev.millrace.spark.source;

import java.io.Serializable;

/** A piece of a portion that one slot reads on its own. It travels to the slot's worker. Thread: any. */
public interface Split extends Serializable {
    /** The {@link #slot} of a split that any slot may read. */
    int ANY_SLOT = -1;

    /** The slot that is to read it, because it is still at what lies before. */
    default int slot() {
        return ANY_SLOT;
    }
}
