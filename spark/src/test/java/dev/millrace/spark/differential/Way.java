package dev.millrace.spark.differential;

import org.apache.spark.sql.classic.SparkSession;

/** In which epochs a case runs, and so what it is compared with. */
enum Way {
    /** In real time; the answer at the end is that of Spark's batch over all rows. */
    CONTINUOUS {
        @Override
        String difference(SparkSession session, Case drawn, long patienceMillis) throws Exception {
            return ContinuousRun.difference(session, drawn, patienceMillis);
        }
    },
    /** In bounded epochs; each gives what Spark's micro-batch gives for the same rows. */
    BOUNDED {
        @Override
        String difference(SparkSession session, Case drawn, long patienceMillis) throws Exception {
            return BoundedRun.difference(session, drawn);
        }
    };

    /**
     * How the answers differ, or nothing where they do not.
     *
     * @param patienceMillis how long to wait for an answer that may still come
     */
    abstract String difference(SparkSession session, Case drawn, long patienceMillis) throws Exception;
}
