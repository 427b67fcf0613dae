package dev.millrace.engine.source;

import java.io.Serializable;
import java.util.List;

/**
 * A source as workers know it: what is read in one life of a dataflow.
 *
 * @param endsEpochs as {@link Source#endsEpochs}
 * @param readers of all partitions; positions are reported in the order of the readers and, within each, of its
 *     partitions
 */
public record PlannedSource(String name, boolean endsEpochs, List<ReaderFactory> readers)
        implements Source, Serializable {
    private static final long serialVersionUID = 1L;

    public PlannedSource {
        readers = List.copyOf(readers);
    }

    /** A source whose epochs may end behind any row. */
    public static PlannedSource flowing(String name, List<? extends ReaderFactory> readers) {
        return new PlannedSource(name, false, List.copyOf(readers));
    }

    /** A source that is read in portions. */
    public static PlannedSource portioned(String name, List<? extends ReaderFactory> readers) {
        return new PlannedSource(name, true, List.copyOf(readers));
    }

    @Override
    public PlannedSource plan(int workerCount) {
        return this;
    }

    /** How many partitions the source has. */
    public int partitionCount() {
        return readers.stream().mapToInt(ReaderFactory::partitionCount).sum();
    }
}
