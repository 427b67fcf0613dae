package dev.millrace.engine.graph;

import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.engine.stream.Item;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A dataflow on many workers in virtual time: tasks, channels, snapshots, coordinator and commit protocol are the real
 * ones, under one thread; how long frames, messages and files take is {@link ScaleModel}'s.
 *
 * <p>Thread: one.
 */
final class ScaleRun {
    private static final long BUDGET_BYTES = 64L << 20;
    private static final long INTERVAL_NANOS = 1_000_000_000;

    private final VirtualTime time = new VirtualTime();
    private final ScaleModel model;
    private final Random random;
    private final ScaleQuery query;
    private final ScaleDriver driver;
    private final List<ScaleWorker> workers = new ArrayList<>();
    private Map<Integer, ScaleWire> wires = new HashMap<>();
    private final int farChannels;
    private final long setUpNanos;
    private long barriersSent;
    private long framesSent;

    ScaleRun(ScaleModel model, int workerCount, int loopCount, int keyGroups, long seed) throws Exception {
        long startNanos = System.nanoTime();
        this.model = model;
        this.random = new Random(seed);
        this.query = new ScaleQuery(workerCount, keyGroups);
        DataflowPlan plan = DataflowPlan.of(query.graph(), new Placement(0, workerCount, loopCount));
        driver = new ScaleDriver(
                this, plan.epochShape(new Placement(0, workerCount, loopCount), true), keyGroups, query.operators());
        for (int worker = 0; worker < workerCount; worker++) {
            workers.add(new ScaleWorker(
                    this,
                    plan,
                    new DataflowSettings(
                            "scale",
                            new Placement(worker, workerCount, loopCount),
                            keyGroups,
                            0,
                            new MemoryBudget(BUDGET_BYTES),
                            new Durability(driver.storage(), "attempt", null),
                            () -> time.nowNanos() / 1_000_000)));
        }
        farChannels = wires.size();
        wires = Map.of();
        driver.knows(workers);
        setUpNanos = System.nanoTime() - startNanos;
    }

    VirtualTime time() {
        return time;
    }

    ScaleModel model() {
        return model;
    }

    ScaleDriver driver() {
        return driver;
    }

    long underWayNanos() {
        return model.underWayNanos(random);
    }

    /** The channel of that number, which both ends name. */
    ScaleWire wire(int id) {
        return wires.computeIfAbsent(id, unused -> new ScaleWire());
    }

    void sent(Item item) {
        framesSent++;
        if (item instanceof Item.Barrier) {
            barriersSent++;
        }
    }

    /** Channels between tasks of different workers. */
    int farChannels() {
        return farChannels;
    }

    long barriersSent() {
        return barriersSent;
    }

    long framesSent() {
        return framesSent;
    }

    long rowsWritten() {
        return query.rowsWritten();
    }

    /** Real time that it took to build all workers' parts. */
    long setUpNanos() {
        return setUpNanos;
    }

    /** Has all key groups get a row, and ends an epoch behind it. */
    ScaleFigures epoch() throws Exception {
        time.at(time.nowNanos() + INTERVAL_NANOS, () -> {
            query.giveEpoch();
            workers.forEach(ScaleWorker::wakeAll);
        });
        while (time.advance()) {
            // until the rows are through
        }
        return driver.endEpoch();
    }

    void close() throws Exception {
        for (ScaleWorker worker : workers) {
            worker.close();
        }
    }
}
