package dev.millrace.spark.thread;

import dev.millrace.engine.task.TaskScope;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContextImpl;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.memory.TaskMemoryManager;
import org.apache.spark.sql.internal.SQLConf;
import scala.collection.immutable.Map$;

/**
 * Makes the scopes of one query's threads.
 *
 * <p>Thread: any.
 */
public final class SparkTaskScopes implements TaskScope.Factory {
    /** Counts up from the least number, so that it never meets the scheduler's own task ids. */
    private static final AtomicLong NEXT_TASK_ID = new AtomicLong(Long.MIN_VALUE);

    private final SQLConf conf;
    private final ClassLoader loader;
    private final Properties localProperties;

    /**
     * @param conf the query's settings; a copy is kept
     * @param loader sees the user's classes
     * @param localProperties what {@code TaskContext.getLocalProperty} gives
     */
    public SparkTaskScopes(SQLConf conf, ClassLoader loader, Properties localProperties) {
        this.conf = conf.clone();
        this.loader = loader;
        this.localProperties = localProperties;
    }

    @Override
    public TaskScope create(String threadName, int taskIndex, int taskCount) {
        SparkEnv environment = SparkEnv.get();
        long taskId = NEXT_TASK_ID.getAndIncrement();
        TaskContextImpl context = new TaskContextImpl(
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
        return new SparkTaskScope(threadName, context, conf, loader);
    }
}
