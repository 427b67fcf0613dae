package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.harness.Spilling;
import dev.millrace.engine.snapshot.RestoredState;
import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.engine.snapshot.StateIndex;
import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.engine.task.SnapshotTask;
import dev.millrace.engine.task.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.LongSupplier;

/** One life of a query's dataflow, from the last committed epoch to its end or a crash. */
final class SimulatedAttempt {
    /** Where an attempt starts. */
    record Place(String name, int taskCount, long firstEpoch, long[] positions, StateIndex state) {}

    private static final long BUDGET_BYTES = 256L << 20;

    private final MemoryBudget budget;
    private final Random random;
    private final Assembly assembly;
    private final List<Step> opened = new ArrayList<>();
    private final List<Step> running;

    SimulatedAttempt(
            SimulatedQuery query,
            Place place,
            SimulatedSink sink,
            SnapshotStorage storage,
            LongSupplier nanoClock,
            Random random)
            throws Exception {
        this.random = random;
        this.budget = query.spills ? Spilling.budget() : new MemoryBudget(BUDGET_BYTES);
        Durability durability = new Durability(
                storage,
                place.name(),
                place.state().files().isEmpty() ? null : new RestoredState(storage, place.state()));
        assembly = new Assembly(
                query.graph(place.positions(), sink, nanoClock),
                new DataflowSettings(
                        "sim",
                        place.taskCount(),
                        SimulatedQuery.KEY_GROUPS,
                        place.firstEpoch(),
                        budget,
                        durability,
                        () -> nanoClock.getAsLong() / 1_000_000),
                nanoClock);
        for (LoopPlan loop : assembly.loops()) {
            for (Step step : loop.steps()) {
                step.open();
                opened.add(step);
            }
        }
        running = new ArrayList<>(opened);
    }

    EpochCoordinator coordinator() {
        return assembly.coordinator();
    }

    /** Advances one step; the one that stores is chosen so many times more rarely. */
    void step(int storageSlowness) {
        if (running.isEmpty()) {
            return;
        }
        Step step = running.get(random.nextInt(running.size()));
        if (step instanceof SnapshotTask && random.nextInt(storageSlowness) != 0) {
            return;
        }
        try {
            step.step();
        } catch (Exception e) {
            running.remove(step);
            assembly.coordinator().failed(step.name(), e);
        }
    }

    /** Ends all steps; memory is given back. */
    void close() throws Exception {
        for (Step step : opened) {
            step.close();
        }
        assertThat(budget.usedBytes()).as("memory not given back").isZero();
    }
}
