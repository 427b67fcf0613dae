package dev.millrace.spark.thread;

import dev.millrace.engine.task.TaskScope;
import org.apache.spark.rdd.InputFileBlockHolder;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.internal.SQLConf$;

/**
 * Dresses one engine thread as a Spark task: task context with its memory manager, the query's SQL
 * settings and class loader. Without the context, sorters and joins throw; without the settings, a
 * session's time zone silently becomes the default one.
 *
 * <p>Lifetime: {@link #run} once.
 */
final class SparkTaskScope implements TaskScope {
    private final SparkTask task;
    private final SQLConf conf;
    private final ClassLoader loader;

    SparkTaskScope(SparkTask task, SQLConf conf, ClassLoader loader) {
        this.task = task;
        this.conf = conf;
        this.loader = loader;
    }

    @Override
    public void run(Runnable body) {
        Thread thread = Thread.currentThread();
        ClassLoader outerLoader = thread.getContextClassLoader();
        thread.setContextClassLoader(loader);
        task.enter();
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
            task.complete(failure);
            task.leave();
            InputFileBlockHolder.unset();
            thread.setContextClassLoader(outerLoader);
        }
    }
}
