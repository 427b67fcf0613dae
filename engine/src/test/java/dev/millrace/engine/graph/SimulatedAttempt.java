package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.harness.Spilling;
import dev.millrace.engine.sink.PlannedSink;
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
    private final StreamGraph graph;
    private final SimulatedWorkers workers;

    /** Connections between workers that this attempt still loses, so that not every attempt does. */
    private boolean mayLoseConnection;

    private final List<Step> opened = new ArrayList<>();
    private final List<Step> running;

    SimulatedAttempt(
            SimulatedQuery query,
            Place place,
            PlannedSink sink,
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
        graph = query.graph(place.positions(), sink);
        mayLoseConnection = random.nextInt(3) == 0;
        workers = new SimulatedWorkers(
                graph,
                place.name(),
                SimulatedWorkers.placement(random, place.taskCount()),
                placement -> new DataflowSettings(
                        "sim",
                        placement,
                        SimulatedQuery.KEY_GROUPS,
                        place.firstEpoch(),
                        budget,
                        durability,
                        () -> nanoClock.getAsLong() / 1_000_000),
                nanoClock,
                random);
        for (Step step : workers.steps()) {
            step.open();
            opened.add(step);
        }
        running = new ArrayList<>(opened);
    }

    /** What runs, with the driver's sources. */
    StreamGraph graph() {
        return graph;
    }

    EpochCoordinator coordinator() {
        return workers.coordinator();
    }

    /** Advances one step; the one that stores is chosen so many times more rarely. */
    void step(int storageSlowness) {
        workers.deliver();
        if (mayLoseConnection && random.nextInt(20_000) == 0) {
            mayLoseConnection = !workers.loseConnection();
        }
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
            workers.coordinator().failed(step.name(), e);
        }
    }

    /** Ends all steps; memory is given back. */
    void close() throws Exception {
        workers.close();
        for (Step step : opened) {
            step.close();
        }
        assertThat(budget.usedBytes()).as("memory not given back").isZero();
    }
}
