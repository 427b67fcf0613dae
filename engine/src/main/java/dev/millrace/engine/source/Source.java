package dev.millrace.engine.source;

import java.util.List;

/** One source of a query: its partitions, each read once. */
public interface Source {
    /** The name that {@code explain} and errors show. */
    String name();

    /** Readers of all partitions. Positions are reported in the order of the readers and, within each, of its partitions. */
    List<SourceReader> readers();
}
