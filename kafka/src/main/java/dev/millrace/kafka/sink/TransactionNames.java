package dev.millrace.kafka.sink;

import dev.millrace.engine.epoch.EpochCoordinator;
import java.io.Serializable;

/**
 * The transactional ids of a query, the same in every run: {@code <prefix>-<query id>-<task>-<slot>}.
 *
 * <p>A task writes its epochs under {@link #SLOTS} ids in turn. When it begins epoch <em>n</em>, at most
 * {@link EpochCoordinator#MAX_IN_FLIGHT} epochs before it are in flight; the one before those is committed outside,
 * but perhaps not yet in the checkpoint, so its commit may be repeated and its id must stay as it is. The next older
 * one, which used the same id, is over.
 *
 * @param prefix the user's, for access rules on transactional ids
 * @param queryId the query's id
 */
record TransactionNames(String prefix, String queryId) implements Serializable {
    static final int SLOTS = EpochCoordinator.MAX_IN_FLIGHT + 2;

    /** The id under which a task writes an epoch. */
    String id(int taskIndex, long epoch) {
        return start() + taskIndex + "-" + Math.floorMod(epoch, SLOTS);
    }

    /** Whether an id is this query's, by any of its runs with any number of tasks. */
    boolean owns(String transactionalId) {
        return transactionalId.startsWith(start());
    }

    private String start() {
        return prefix + "-" + queryId + "-";
    }
}
