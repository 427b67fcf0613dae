package dev.millrace.spark.thread;

import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskContext$;
import org.apache.spark.TaskContextImpl;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.memory.MemoryMode;
import org.apache.spark.memory.TaskMemoryManager;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;
import scala.collection.immutable.Map$;

/**
 * What Spark's code takes for the task that it runs in: a context with its memory manager, to which it
 * ties what is to be closed at the task's end.
 *
 * <p>Lifetime: entered and left as often as one likes, then completed once. Afterwards everything that was
 * allocated by task memory is free again, and what was left over is reported. Thread: one.
 */
public final class SparkTask {
    private static final Logger LOG = LoggerFactory.getLogger(SparkTask.class);

    /** Counts up from the least number, so that it never meets the scheduler's own task ids. */
    private static final AtomicLong NEXT_TASK_ID = new AtomicLong(Long.MIN_VALUE);

    private final TaskContextImpl context;
    private @Nullable TaskContext outer;
    private boolean isRegistered;

    SparkTask(int taskIndex, int taskCount, Properties localProperties) {
        SparkEnv environment = SparkEnv.get();
        long taskId = NEXT_TASK_ID.getAndIncrement();
        context = new TaskContextImpl(
                0,
                0,
                taskIndex,
                taskId,
                0,
                taskCount,
                new TaskMemoryManager(environment.memoryManager(), taskId),
                localProperties,
                environment.metricsSystem(),
                TaskMetrics.empty(),
                1,
                Map$.MODULE$.empty());
    }

    /** A task within the one that the calling thread is dressed as, for a piece of work that ends before that one. */
    public static SparkTask within() {
        TaskContext around = TaskContext.get();
        return new SparkTask(around.partitionId(), around.numPartitions(), around.getLocalProperties());
    }

    /** From here on the calling thread is in this task. */
    public void enter() {
        outer = TaskContext.get();
        TaskContext$.MODULE$.setTaskContext(context);
        if (!isRegistered) {
            // Without it, reading a broadcast that is no longer at hand fails for want of a lock holder.
            SparkEnv.get().blockManager().registerTask(context.taskAttemptId());
            isRegistered = true;
        }
    }

    /** The calling thread is back where it was. */
    public void leave() {
        TaskContext$.MODULE$.unset();
        if (outer != null) {
            TaskContext$.MODULE$.setTaskContext(outer);
        }
    }

    /** Runs the completion listeners (readers, sorters and Python workers wait for them), then frees what is left. */
    public void complete(@Nullable Throwable failure) {
        try {
            if (failure != null) {
                context.markTaskFailed(failure);
            }
            context.markTaskCompleted(Option.apply(failure));
        } catch (RuntimeException e) {
            LOG.warn("A task completion listener failed.", e);
        }
        long leakedBytes = context.taskMemoryManager().cleanUpAllAllocatedMemory();
        if (leakedBytes > 0) {
            LOG.warn("{} bytes of task memory were left behind; they were freed.", leakedBytes);
        }
        SparkEnv environment = SparkEnv.get();
        if (environment != null) {
            environment.blockManager().releaseAllLocksForTask(context.taskAttemptId());
            environment.blockManager().memoryStore().releaseUnrollMemoryForThisTask(MemoryMode.ON_HEAP, Long.MAX_VALUE);
        }
    }
}
