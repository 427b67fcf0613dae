package dev.millrace.bench.cluster;

import java.util.concurrent.ThreadLocalRandom;
import org.apache.spark.sql.api.java.UDF1;

/**
 * A function that says which life of which task called it: Spark's copy for each task draws a number when it is first
 * called. So an answer tells whether it was made before a recovery or behind it.
 *
 * <p>Thread: a copy's one owner.
 */
final class TaskLife implements UDF1<Long, Long> {
    private static final long serialVersionUID = 1L;

    /** What JSON readers take for a whole number, all of them. */
    private static final long LIMIT = 1L << 52;

    private transient long life;

    /** Takes a column, so that nobody takes it for a constant. */
    @Override
    public Long call(Long unused) {
        if (life == 0) {
            life = ThreadLocalRandom.current().nextLong(1, LIMIT);
        }
        return life;
    }
}
