package dev.millrace.spark.execution;

import dev.millrace.engine.exchange.Signal;
import dev.millrace.engine.source.SourceReader;
import dev.millrace.engine.task.FailureListener;
import dev.millrace.engine.task.Loop;
import dev.millrace.engine.task.ReaderStep;
import dev.millrace.engine.task.TaskScope;
import dev.millrace.spark.source.PortionedSource;
import dev.millrace.spark.source.SparkSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * What polls, in the driver, the sources of one life of a dataflow that are read in portions, wherever those are read:
 * a thread for each.
 *
 * <p>Thread: the query's.
 */
final class Polls {
    private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(1_500);

    private final List<Loop> loops;

    private Polls(List<Loop> loops) {
        this.loops = List.copyOf(loops);
    }

    /**
     * Those of sources whose readers are planned.
     *
     * @param label the query's, for thread names
     * @param failures hears of a source that cannot be polled
     */
    static Polls of(String label, List<SparkSource> sources, TaskScope.Factory scopes, FailureListener failures) {
        List<Loop> loops = new ArrayList<>();
        for (SparkSource source : sources) {
            Optional<SourceReader> poller =
                    source instanceof PortionedSource portioned ? portioned.poller() : Optional.empty();
            poller.ifPresent(reader -> {
                String name = "millrace-%s-poll-%d".formatted(label, loops.size());
                ReaderStep step = new ReaderStep("poll of " + source.name(), reader, List.of());
                Signal signal = new Signal(reader::wakeUp);
                loops.add(new Loop(name, List.of(step), signal, scopes.create(name, 0, 1), failures));
            });
        }
        return new Polls(loops);
    }

    void start() {
        loops.forEach(Loop::start);
    }

    /** Begins to end the threads, which may be at whatever their sources do. */
    void requestStop() {
        loops.forEach(Loop::requestStop);
        loops.forEach(Loop::interrupt);
    }

    /** Waits a moment for their end; gives the names of those that go on, because their sources heed no interrupt. */
    List<String> awaitStop() {
        boolean interrupted = Thread.interrupted(); // who stops may be told to hurry; threads must still end
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        List<String> alive = new ArrayList<>();
        for (Loop loop : loops) {
            try {
                if (!loop.awaitStop(deadline - System.nanoTime())) {
                    alive.add(loop.name());
                }
            } catch (InterruptedException e) {
                interrupted = true;
                alive.add(loop.name());
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return alive;
    }
}
