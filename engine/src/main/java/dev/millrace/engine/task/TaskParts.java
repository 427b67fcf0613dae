package dev.millrace.engine.task;

import dev.millrace.engine.exchange.KeyGroups;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.PortionEventTimes;
import dev.millrace.engine.operator.ProcessingTime;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.RestoredState;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What every task with a chain is made of.
 *
 * <p>Thread: made anywhere, then the owning task's.
 */
public final class TaskParts {
    private final TaskPlace place;
    private final Chain chain;
    private final TaskFlow flow;
    private final TaskSnapshots snapshots;
    private final List<OperatorContext> contexts;
    private final TaskReports reports;
    private final @Nullable RestoredState restored;

    /**
     * Where a task's state comes from and goes to.
     *
     * @param inbox where it goes, or null when it is not kept
     * @param restored where it comes from, or null for a start without state
     */
    public record State(@Nullable SnapshotInbox inbox, @Nullable RestoredState restored) {}

    /**
     * Where rows go.
     *
     * @param edges those that the last operator gives
     * @param late those that operators drop as late
     */
    public record Outputs(List<OutputEdge> edges, LateOutput late) {}

    /**
     * What tells the time.
     *
     * @param nanos of what happens every so often; units: {@link System#nanoTime}
     * @param time of what operators wait for
     */
    public record Clock(LongSupplier nanos, ProcessingTime time) {}

    /**
     * @param operators the chain, in order; may be empty
     * @param contexts the context of each operator
     * @param outputs where rows go
     * @param clock tells the time of what happens by time
     */
    public TaskParts(
            TaskPlace place,
            List<Operator> operators,
            List<OperatorContext> contexts,
            Outputs outputs,
            Clock clock,
            State state,
            TaskReports reports) {
        TaskOutput output = new TaskOutput(outputs.edges(), outputs.late());
        this.place = place;
        this.chain = new Chain(operators, output);
        this.flow = new TaskFlow(chain, output, clock);
        this.snapshots = new TaskSnapshots(place, operators, state.inbox());
        this.contexts = contexts;
        this.restored = state.restored();
        this.reports = reports;
    }

    TaskPlace place() {
        return place;
    }

    Chain chain() {
        return chain;
    }

    TaskFlow flow() {
        return flow;
    }

    TaskSnapshots snapshots() {
        return snapshots;
    }

    TaskReports reports() {
        return reports;
    }

    /** The barrier of an epoch is through the chain. */
    void epochEnded(long epoch) throws Exception {
        snapshots.freeze(epoch);
        List<Operator> operators = chain.operators();
        for (int i = 0; i < operators.size(); i++) {
            byte[] observation = operators.get(i).takeObservation();
            if (observation != null) {
                reports.observed(new OperatorId(place.stageId(), i), epoch, observation);
            }
        }
    }

    /**
     * Opens the operators and gives them back what they own of the state to start from.
     *
     * @param inputPartitions the names of the task's input partitions
     * @param portions shared with the other tasks of a source that is read in portions; or null
     */
    void open(List<String> inputPartitions, @Nullable PortionEventTimes portions) throws Exception {
        chain.open(contexts);
        chain.inputPartitions(inputPartitions, portions);
        RestoredState from = restored;
        if (from == null) {
            return;
        }
        for (int i = 0; i < contexts.size(); i++) {
            Operator operator = chain.operators().get(i);
            OperatorContext context = contexts.get(i);
            from.read(
                    new OperatorId(place.stageId(), i),
                    keyGroup -> KeyGroups.owner(keyGroup, context.keyGroupCount(), context.taskCount())
                            == context.taskIndex(),
                    operator::restore);
            operator.restored();
        }
    }
}
