package dev.millrace.engine.graph;

import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.exchange.Waker;
import dev.millrace.engine.network.ChannelEnds;
import dev.millrace.engine.stream.Item;
import dev.millrace.engine.task.BarrierTarget;
import dev.millrace.engine.task.Step;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * One worker of many: its real tasks and channels. Its event loop takes a while for each frame, and its tasks for
 * each look at their channels; meanwhile more arrives.
 *
 * <p>Thread: one.
 */
final class ScaleWorker implements ScaleDriver.ScaleWorkerTime {
    private record Arrival(long readyNanos, ScaleWire wire, Item item) {}

    private final ScaleRun run;
    private final List<LoopPlan> loops;
    private final List<BarrierTarget> targets;
    private final Deque<Arrival> arrivals = new ArrayDeque<>();
    private final List<ScaleWire> ready = new ArrayList<>();
    private final long lookNanos;
    private long loopFreeNanos;
    private long sendFreeNanos;
    private long receiveFreeNanos;
    private boolean willLook;

    ScaleWorker(ScaleRun run, DataflowPlan plan, DataflowSettings settings) throws Exception {
        this.run = run;
        Placement placement = settings.placement();
        Assembly assembly =
                new Assembly(plan, settings, peer -> new Ends(), run.driver().reports(this), run.time()::nowNanos);
        loops = assembly.loops();
        targets = assembly.barrierTargets().others();
        lookNanos = run.model().lookNanos() * placement.taskCount() * placement.loopCount();
        for (LoopPlan loop : loops) {
            for (Step step : loop.steps()) {
                step.open();
            }
        }
    }

    private final class Ends implements ChannelEnds {
        @Override
        public Channel sending(int id, Waker producer) {
            return run.wire(id).sending(ScaleWorker.this, producer);
        }

        @Override
        public Channel receiving(int id, Waker consumer) {
            return run.wire(id).receiving(ScaleWorker.this, consumer);
        }
    }

    void ready(ScaleWire wire) {
        ready.add(wire);
    }

    /** When the next frame has left. */
    long frameSentNanos() {
        sendFreeNanos = Math.max(sendFreeNanos, loopFreeNanos) + run.model().frameNanos();
        return sendFreeNanos;
    }

    @Override
    public long saidNanos() {
        return Math.max(loopFreeNanos, run.time().nowNanos());
    }

    /** Rows are there to be read. */
    void wakeAll() {
        loops.forEach(loop -> loop.signal().wake());
        lookSoon(run.time().nowNanos());
    }

    void requestBarrier(long epoch) {
        targets.forEach(target -> target.requestBarrier(epoch));
        lookSoon(run.time().nowNanos());
    }

    void arrived(ScaleWire wire, Item item) {
        receiveFreeNanos =
                Math.max(receiveFreeNanos, run.time().nowNanos()) + run.model().frameNanos();
        arrivals.add(new Arrival(receiveFreeNanos, wire, item));
        lookSoon(receiveFreeNanos);
    }

    private void lookSoon(long nanos) {
        if (!willLook) {
            willLook = true;
            run.time().at(Math.max(nanos, loopFreeNanos), this::look);
        }
    }

    private void look() {
        willLook = false;
        long now = run.time().nowNanos();
        for (Arrival next = arrivals.peek(); next != null && next.readyNanos() <= now; next = arrivals.peek()) {
            arrivals.remove();
            next.wire().deliver(next.item());
        }
        loopFreeNanos = now + lookNanos;
        stepAll();
        ready.forEach(wire -> wire.send(run));
        ready.clear();
        Arrival next = arrivals.peek();
        if (next != null) {
            lookSoon(next.readyNanos());
        }
    }

    /** What loops do until they would sleep. */
    private void stepAll() {
        boolean moves = true;
        while (moves) {
            moves = false;
            for (LoopPlan loop : loops) {
                if (loop.signal().isRaised()) {
                    moves = true;
                    loop.signal().lower();
                    step(loop);
                }
            }
        }
    }

    private static void step(LoopPlan loop) {
        boolean progress = true;
        while (progress) {
            progress = false;
            for (Step step : loop.steps()) {
                try {
                    progress |= step.step();
                } catch (Exception e) {
                    throw new AssertionError("Cannot go on: " + step.name(), e);
                }
            }
        }
    }

    void close() throws Exception {
        for (LoopPlan loop : loops) {
            for (Step step : loop.steps()) {
                step.close();
            }
        }
    }
}
