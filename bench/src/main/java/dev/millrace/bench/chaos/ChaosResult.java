package dev.millrace.bench.chaos;

import java.util.Map;

/**
 * What came over the query, and what became of its output.
 *
 * @param faults how often each came
 * @param recoveries how often the query went on from its checkpoint in the same process, as far as it told
 * @param epochs how many the query committed
 */
record ChaosResult(Map<Fault, Integer> faults, long recoveries, long epochs, BatchAnswer answer) {
    /** The last line of a run. */
    String line() {
        return ("kills=%d executor_kills=%d freezes=%d broker_kills=%d storage_faults=%d restarts=%d recoveries=%d"
                        + " epochs=%d rows=%d lost=%d duplicated=%d")
                .formatted(
                        count(Fault.KILL_QUERY),
                        count(Fault.KILL_EXECUTOR),
                        count(Fault.FREEZE_EXECUTOR),
                        count(Fault.KILL_BROKER),
                        count(Fault.BREAK_STORAGE),
                        count(Fault.RESTART),
                        recoveries,
                        epochs,
                        answer.rows(),
                        answer.lost(),
                        answer.duplicated());
    }

    private int count(Fault fault) {
        return faults.getOrDefault(fault, 0);
    }
}
