package dev.millrace.kafka.sink;

import dev.millrace.engine.epoch.Ballot;
import dev.millrace.engine.epoch.EpochCoordinator;
import java.io.Serializable;
import java.util.Optional;

/**
 * The transactional ids of one attempt of a query: {@code <prefix>-<query id>-<ballot>-<task>-<slot>}. No two attempts
 * share any, so none can touch what another has prepared but by a name of that one's.
 *
 * <p>A task writes its epochs under {@link #SLOTS} ids in turn. When it begins epoch <em>n</em>, at most
 * {@link EpochCoordinator#MAX_IN_FLIGHT} epochs before it are in flight; the one before those is committed outside,
 * but perhaps not yet in the checkpoint, so its commit may be repeated and its id must stay as it is. The next older
 * one, which used the same id, is over.
 *
 * @param prefix the user's, for access rules on transactional ids
 * @param queryId the query's id, the same in every run
 * @param ballot the attempt's, higher than those of all that came before; the lowest where there is no attempt yet
 */
record TransactionNames(String prefix, String queryId, Ballot ballot) implements Serializable {
    static final int SLOTS = EpochCoordinator.MAX_IN_FLIGHT + 2;

    /** The id under which a task writes an epoch. */
    String id(int taskIndex, long epoch) {
        return start() + ballot.label() + "-" + taskIndex + "-" + Math.floorMod(epoch, SLOTS);
    }

    /** Whether an id is this query's, by an attempt with a lower ballot, with whatever number of tasks. */
    boolean isOfEarlierAttempt(String transactionalId) {
        return ballotOf(transactionalId)
                .filter(other -> other.compareTo(ballot) < 0)
                .isPresent();
    }

    /** Whose id this is among the query's attempts, or empty where it is none of the query's. */
    private Optional<Ballot> ballotOf(String transactionalId) {
        int taskDash = transactionalId.lastIndexOf('-', transactionalId.lastIndexOf('-') - 1);
        return transactionalId.startsWith(start()) && taskDash > start().length()
                ? Ballot.of(transactionalId.substring(start().length(), taskDash))
                : Optional.empty();
    }

    /** The names of an attempt of the same query. */
    TransactionNames of(Ballot attempt) {
        return new TransactionNames(prefix, queryId, attempt);
    }

    private String start() {
        return prefix + "-" + queryId + "-";
    }
}
