package dev.millrace.engine.graph;

/**
 * Where a worker stands among those that run a dataflow together: task <em>i</em> of every stage is on worker
 * {@code i / loopCount}, on its loop {@code i % loopCount}. A dataflow in one process has one worker.
 *
 * @param worker its number, from 0
 * @param workerCount how many there are
 * @param loopCount compute loops of each
 */
public record Placement(int worker, int workerCount, int loopCount) {
    public Placement {
        if (worker < 0 || worker >= workerCount || loopCount < 1) {
            throw new IllegalArgumentException("Cannot place tasks: worker=%d of %d, loops=%d. Give each at least one."
                    .formatted(worker, workerCount, loopCount));
        }
    }

    /** The only worker. */
    public static Placement alone(int loopCount) {
        return new Placement(0, 1, loopCount);
    }

    /** Tasks of each stage, over all workers. */
    public int taskCount() {
        return workerCount * loopCount;
    }

    int firstTask() {
        return worker * loopCount;
    }

    int workerOf(int task) {
        return task / loopCount;
    }

    boolean isHere(int task) {
        return workerOf(task) == worker;
    }

    /** Whether this worker runs a source's reader; readers are dealt to workers in turn. */
    boolean reads(int reader) {
        return reader % workerCount == worker;
    }
}
