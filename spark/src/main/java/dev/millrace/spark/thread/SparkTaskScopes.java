package dev.millrace.spark.thread;

import dev.millrace.engine.task.TaskScope;
import java.util.Properties;
import java.util.function.Supplier;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.internal.SQLConf$;

/**
 * Makes the scopes of one query's threads.
 *
 * <p>Thread: any.
 */
public final class SparkTaskScopes implements TaskScope.Factory {
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

    /** Does what the query's threads do later in its settings and with its classes, in no task. Thread: the caller's. */
    public <T> T withSettings(Supplier<T> body) {
        Thread thread = Thread.currentThread();
        ClassLoader outer = thread.getContextClassLoader();
        thread.setContextClassLoader(loader);
        try {
            return SQLConf$.MODULE$.withExistingConf(conf, body::get);
        } finally {
            thread.setContextClassLoader(outer);
        }
    }

    @Override
    public TaskScope create(String threadName, int taskIndex, int taskCount) {
        return new SparkTaskScope(new SparkTask(taskIndex, taskCount, localProperties), conf, loader);
    }
}
