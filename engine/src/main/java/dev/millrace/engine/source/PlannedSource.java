package dev.millrace.engine.source;

import java.io.Serializable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A source as workers know it: what is read in one life of a dataflow.
 *
 * @param portions what the readers of each worker take their portions from; null where the source is not read in portions
 * @param readers of all partitions; positions are reported in the order of the readers and, within each, of its
 *     partitions
 */
public record PlannedSource(String name, @Nullable PortionInbox portions, List<ReaderFactory> readers)
        implements Source, Serializable {
    private static final long serialVersionUID = 1L;

    public PlannedSource {
        readers = List.copyOf(readers);
    }

    /** A source whose epochs may end behind any row. */
    public static PlannedSource flowing(String name, List<? extends ReaderFactory> readers) {
        return new PlannedSource(name, null, List.copyOf(readers));
    }

    /** A source that is read in portions. */
    public static PlannedSource portioned(String name, PortionInbox portions, List<? extends ReaderFactory> readers) {
        return new PlannedSource(name, portions, List.copyOf(readers));
    }

    @Override
    public PlannedSource plan(int workerCount, int loopCount) {
        return this;
    }

    @Override
    public boolean endsEpochs() {
        return portions != null;
    }

    /** How many partitions the source has. */
    public int partitionCount() {
        return readers.stream().mapToInt(ReaderFactory::partitionCount).sum();
    }
}
