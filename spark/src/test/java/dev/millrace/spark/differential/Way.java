package dev.millrace.spark.differential;

import org.apache.spark.sql.classic.SparkSession;

/** In which epochs a case runs and where, and so what it is compared with. */
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

        /** Where it goes by the clock Spark runs batches without data for ever, each when it happens to. */
        @Override
        Case draw(long seed) {
            return Case.draw(seed, false);
        }
    },
    /** In real time on two executors, which both have their part of the query. */
    CLUSTER {
        @Override
        String difference(SparkSession session, Case drawn, long patienceMillis) throws Exception {
            return ContinuousRun.differenceOnWorkers(session, drawn, patienceMillis, EXECUTORS);
        }
    },
    /** In bounded epochs on two executors, which both have their part of the query. */
    CLUSTER_BOUNDED {
        @Override
        String difference(SparkSession session, Case drawn, long patienceMillis) throws Exception {
            return BoundedRun.differenceOnWorkers(session, drawn, EXECUTORS);
        }

        @Override
        Case draw(long seed) {
            return BOUNDED.draw(seed);
        }
    };

    /** How many there are where a query runs on executors. */
    static final int EXECUTORS = 2;

    boolean isOnExecutors() {
        return this == CLUSTER || this == CLUSTER_BOUNDED;
    }

    Case draw(long seed) {
        return Case.draw(seed, true);
    }

    /**
     * How the answers differ, or nothing where they do not.
     *
     * @param patienceMillis how long to wait for an answer that may still come
     */
    abstract String difference(SparkSession session, Case drawn, long patienceMillis) throws Exception;
}
