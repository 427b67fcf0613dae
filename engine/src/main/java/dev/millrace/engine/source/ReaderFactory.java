package dev.millrace.engine.source;

import java.io.Serializable;

/**
 * Makes one of a source's readers, in the process whose tasks take its rows. It travels there, so it holds only what
 * can be serialised.
 *
 * <p>Thread: any.
 */
public interface ReaderFactory extends Serializable {
    /** How many partitions the reader reads. */
    default int partitionCount() {
        return 1;
    }

    /**
     * What tells one of the reader's partitions from all others of the source, in every run: by it a watermark
     * goes on from how far the partition had come. Empty where nothing does.
     *
     * @param partition counts from 0
     */
    default String partitionName(int partition) {
        return "";
    }

    SourceReader create();
}
