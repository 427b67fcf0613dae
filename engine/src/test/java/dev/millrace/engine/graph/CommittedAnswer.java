package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.Snapshots;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.snapshot.RestoredState;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.state.MemoryBudget;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** Compares what is committed with the model: the sink's rows, and the state that storage alone gives back. */
abstract class CommittedAnswer {
    final SimulatedQuery query;
    final SimulatedCheckpoint checkpoint;
    private long[] checkedPositions;
    private long checkedEpoch = -1;

    CommittedAnswer(SimulatedQuery query, SimulatedCheckpoint checkpoint) {
        this.query = query;
        this.checkpoint = checkpoint;
        this.checkedPositions = new long[query.rowsOfPartition.length];
    }

    /** Of what the query does with its rows. */
    static CommittedAnswer of(SimulatedQuery query, SimulatedCheckpoint checkpoint) {
        return switch (query.work) {
            case AGGREGATE -> new CommittedAggregate(query, checkpoint);
            case FUNCTION -> new CommittedFunction(query, checkpoint);
            case JOIN -> new CommittedJoin(query, checkpoint);
        };
    }

    /** The committed epochs hold the rows between these positions. */
    abstract void addRows(long[] from, long[] to);

    /** The sink shows these rows of an epoch. */
    abstract void takeEpoch(List<byte[]> rows);

    /** The sink has what it must, as of the committed positions. */
    abstract void checkRows();

    /** Storage gives the state back, as of the committed positions. */
    abstract void checkRestored() throws Exception;

    /** What the sink shows follows from the committed epochs, of which those are looked at that came since. */
    final void checkSink() {
        takeRows();
        checkRows();
    }

    private void takeRows() {
        long[] positions = checkpoint.positions();
        addRows(checkedPositions, positions);
        checkedPositions = positions;
        // One more may be under way, in another process.
        assertThat(checkpoint.sink.committed().keySet()).allMatch(epoch -> epoch <= checkpoint.lastCommitted() + 1);
        checkpoint
                .sink
                .committed()
                .subMap(checkedEpoch, false, checkpoint.lastCommitted(), true)
                .values()
                .forEach(this::takeEpoch);
        checkedEpoch = checkpoint.lastCommitted();
    }

    /** A fresh process takes the model's state back from storage alone. */
    final void checkState() throws Exception {
        if (checkpoint.lastCommitted() >= 0) {
            takeRows();
            checkRestored();
        }
    }

    /** What the operator's committed state puts, which a fresh operator takes back as well. */
    final Collection<Snapshots.Put> restore(Operator operator, OperatorMetrics metrics) throws Exception {
        MemoryBudget budget = new MemoryBudget(Long.MAX_VALUE);
        List<Section> sections = new ArrayList<>();
        operator.open(new OperatorContext(0, 1, SimulatedQuery.KEY_GROUPS, budget, metrics, () -> 0, 0));
        new RestoredState(checkpoint.storage, checkpoint.committedState())
                .read(query.worker(), keyGroup -> true, sections::add);
        Snapshots.restore(operator, sections);
        operator.close();
        assertThat(budget.usedBytes()).isZero();
        return Snapshots.puts(sections);
    }
}
