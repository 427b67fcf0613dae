package dev.millrace.engine.source;

import java.util.List;

/** One source of a query: its partitions, each opened once. */
public interface Source {
    /** The name that {@code explain} and errors show. */
    String name();

    /** A reader for each partition, in the order in which positions are reported. */
    List<SourceReader> readers();
}
