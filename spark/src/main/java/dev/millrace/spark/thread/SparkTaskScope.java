package dev.millrace.spark.thread;

import dev.millrace.engine.task.TaskScope;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskContext$;
import org.apache.spark.TaskContextImpl;
import org.apache.spark.memory.MemoryMode;
import org.apache.spark.rdd.InputFileBlockHolder;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.internal.SQLConf$;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;

/**
 * Dresses one engine thread as a Spark task: task context with its memory manager, the query's SQL
 * settings and class loader. Without the context, sorters and joins throw; without the settings, a
 * session's time zone silently becomes the default one.
 *
 * <p>Lifetime: {@link #run} once. Afterwards everything that the thread's code allocated by task
 * memory is free again, and what was left over is reported.
 */
final class SparkTaskScope implements TaskScope {
    private static final Logger LOG = LoggerFactory.getLogger(SparkTaskScope.class);

    private final String threadName;
    private final TaskContextImpl context;
    private final SQLConf conf;
    private final ClassLoader loader;

    SparkTaskScope(String threadName, TaskContextImpl context, SQLConf conf, ClassLoader loader) {
        this.threadName = threadName;
        this.context = context;
        this.conf = conf;
        this.loader = loader;
    }

    @Override
    public void run(Runnable body) {
        Thread thread = Thread.currentThread();
        ClassLoader outerLoader = thread.getContextClassLoader();
        TaskContext outerContext = TaskContext.get();
        thread.setContextClassLoader(loader);
        TaskContext$.MODULE$.setTaskContext(context);
        // Without it, reading a broadcast that is no longer at hand fails for want of a lock holder.
        SparkEnv.get().blockManager().registerTask(context.taskAttemptId());
        Throwable failure = null;
        try {
            SQLConf$.MODULE$.withExistingConf(conf, () -> {
                body.run();
                return null;
            });
        } catch (Throwable t) {
            failure = t;
            throw t;
        } finally {
            complete(failure);
            TaskContext$.MODULE$.unset();
            if (outerContext != null) {
                TaskContext$.MODULE$.setTaskContext(outerContext);
            }
            InputFileBlockHolder.unset();
            thread.setContextClassLoader(outerLoader);
        }
    }

    /** Runs the completion listeners (sorters and Python workers wait for them), then frees what is left. */
    private void complete(@Nullable Throwable failure) {
        try {
            if (failure != null) {
                context.markTaskFailed(failure);
            }
            context.markTaskCompleted(Option.apply(failure));
        } catch (RuntimeException e) {
            LOG.warn("A task completion listener of thread {} failed.", threadName, e);
        }
        long leakedBytes = context.taskMemoryManager().cleanUpAllAllocatedMemory();
        if (leakedBytes > 0) {
            LOG.warn("Thread {} left {} bytes of task memory behind; they were freed.", threadName, leakedBytes);
        }
        SparkEnv environment = SparkEnv.get();
        if (environment != null) {
            environment.blockManager().releaseAllLocksForTask(context.taskAttemptId());
            environment.blockManager().memoryStore().releaseUnrollMemoryForThisTask(MemoryMode.ON_HEAP, Long.MAX_VALUE);
        }
    }
}
