package dev.millrace.engine.graph;

import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.PulledFragment;
import dev.millrace.engine.sink.Sink;
import dev.millrace.engine.source.Source;
import java.io.Serializable;
import java.util.List;

/** What the tasks of a stage do. It travels to workers once its source and sink are planned ones. */
public sealed interface StageBody extends Serializable {
    /** The operators of its tasks; none where a task is none of a chain. */
    default List<OperatorFactory> chain() {
        return List.of();
    }

    /** Takes rows from a source's readers through a chain of operators, which may be empty. */
    record Reading(Source source, List<OperatorFactory> chain) implements StageBody {}

    /** Takes rows from other stages through a chain of operators, which may be empty. */
    record Operating(List<OperatorFactory> chain) implements StageBody {}

    /** Takes rows from other stages through a fragment that must be pulled, each task on its own thread. */
    record Pulling(PulledFragment.Factory fragment) implements StageBody {}

    /** Takes rows from other stages to a sink, each task's writer on its own thread. */
    record Writing(Sink sink) implements StageBody {}
}
