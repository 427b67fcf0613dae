package dev.millrace.engine.epoch;

import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An epoch whose rows went through the whole dataflow: every task has taken its barrier.
 *
 * @param epoch its number
 * @param positions for each reading stage's id, the position of every partition, in their order
 * @param rowsRead for each reading stage's id, the rows that its readers gave in this epoch
 * @param messages for each writing stage's id, every task's message, in the tasks' order
 * @param rowsWritten for each writing stage's id, the rows that it wrote in this epoch
 * @param observations for each operator that observes, what each of its tasks saw of the epoch, in any order
 * @param snapshots the state as of its barrier, where state is kept: one of each worker
 * @param times when its parts were done
 */
public record CompletedEpoch(
        long epoch,
        Map<Integer, List<Object>> positions,
        Map<Integer, Long> rowsRead,
        Map<Integer, List<@Nullable Object>> messages,
        Map<Integer, Long> rowsWritten,
        Map<OperatorId, List<byte[]>> observations,
        List<StoredSnapshot> snapshots,
        EpochTimes times) {}
