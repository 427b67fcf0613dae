package dev.millrace.spark.thread;

import java.util.function.Supplier;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskContext$;
import org.apache.spark.sql.classic.SparkSession;

/**
 * Runs code of the driver, such as planning, on whatever thread: out of the task that an engine thread is
 * dressed as, because Spark gives no session to a task.
 *
 * <p>Thread: any.
 */
public final class DriverScope {
    private DriverScope() {}

    /** Runs a body in no task, with a session active. */
    public static <T> T run(SparkSession session, Supplier<T> body) {
        TaskContext outer = TaskContext.get();
        TaskContext$.MODULE$.unset();
        try {
            return session.withActive(body::get);
        } finally {
            if (outer != null) {
                TaskContext$.MODULE$.setTaskContext(outer);
            }
        }
    }
}
