package dev.millrace.spark.cluster;

import dev.millrace.spark.cluster.WorkerRoster.Member;

/** Hears what becomes of one attempt. Thread: any; must not block. */
interface AttemptListener {
    /** A worker that is on the list said something about the attempt. */
    void reported(Member from, WorkerReport report);

    /** Whether a worker is of this attempt. */
    boolean runsOn(Member member);

    /** A worker, of this attempt or not, is off the list. */
    void lost(Member member, String why);
}
