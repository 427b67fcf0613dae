package dev.millrace.engine.task;

/**
 * Dresses an engine thread for the code that runs on it, such as Spark's thread locals.
 *
 * <p>Thread: made anywhere, then used by the one thread that it dresses.
 */
public interface TaskScope {
    /** Makes the scope of one thread. */
    @FunctionalInterface
    interface Factory {
        /**
         * @param threadName the thread that it is for
         * @param taskIndex the number of the tasks that run on it
         * @param taskCount how many tasks a stage has
         */
        TaskScope create(String threadName, int taskIndex, int taskCount);
    }

    /** A scope that adds nothing. */
    TaskScope PLAIN = Runnable::run;

    /** Runs the thread's whole life inside the scope and cleans up behind it. */
    void run(Runnable body);
}
