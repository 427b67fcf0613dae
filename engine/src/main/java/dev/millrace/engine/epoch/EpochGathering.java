package dev.millrace.engine.epoch;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Gathers the reports of one epoch.
 *
 * <p>Thread: the query's.
 */
final class EpochGathering {
    private final long epoch;
    private final Map<Integer, @Nullable Object[]> positions = new HashMap<>();
    private final Map<Integer, @Nullable Object[]> messages = new HashMap<>();
    private final Map<Integer, Long> rowsRead = new HashMap<>();
    private final Map<Integer, Long> rowsWritten = new HashMap<>();
    private final Map<OperatorId, List<byte[]>> observations = new HashMap<>();
    private int portionedTasksEnded;
    private int missingReaders;
    private int missingTasks;
    private int missingWriters;
    private int missingSnapshots;
    private int missingObservations;
    private final List<StoredSnapshot> snapshots = new ArrayList<>();
    private final long requestedNanos = System.nanoTime();
    private long alignedNanos = requestedNanos;
    private long preparedNanos = requestedNanos;
    private long storedNanos = Long.MIN_VALUE;

    EpochGathering(long epoch, EpochShape shape) {
        this.epoch = epoch;
        shape.partitions().forEach((stage, count) -> {
            positions.put(stage, new Object[count]);
            rowsRead.put(stage, 0L);
        });
        shape.writers().forEach((stage, count) -> {
            messages.put(stage, new Object[count]);
            rowsWritten.put(stage, 0L);
            missingWriters += count;
        });
        missingReaders = shape.readingTasks();
        missingTasks = shape.operatingTasks();
        missingSnapshots = shape.snapshots();
        missingObservations = shape.observations();
    }

    long epoch() {
        return epoch;
    }

    void positions(int stageId, List<Integer> partitionIndexes, List<Object> reported, long rows, long nanos) {
        @Nullable Object[] all = known(positions, stageId);
        for (int i = 0; i < reported.size(); i++) {
            all[partitionIndexes.get(i)] = reported.get(i);
        }
        rowsRead.merge(stageId, rows, Long::sum);
        alignedNanos = Math.max(alignedNanos, nanos);
        missingReaders--;
    }

    /** One more task that reads portions has started its barrier; gives how many have. */
    int portionedTaskEnded() {
        return ++portionedTasksEnded;
    }

    void taken(long nanos) {
        alignedNanos = Math.max(alignedNanos, nanos);
        missingTasks--;
    }

    void prepared(int stageId, int taskIndex, @Nullable Object message, long rows, long nanos) {
        preparedNanos = Math.max(preparedNanos, nanos);
        known(messages, stageId)[taskIndex] = message;
        rowsWritten.merge(stageId, rows, Long::sum);
        missingWriters--;
    }

    void stored(StoredSnapshot stored, long nanos) {
        storedNanos = Math.max(storedNanos, nanos);
        snapshots.add(stored);
        missingSnapshots--;
    }

    /** Whether all state as of the epoch's barrier is on storage. */
    boolean isStored() {
        return missingSnapshots == 0;
    }

    void observed(OperatorId operator, byte[] observation) {
        observations.computeIfAbsent(operator, absent -> new ArrayList<>()).add(observation);
        missingObservations--;
    }

    private @Nullable Object[] known(Map<Integer, @Nullable Object[]> byStage, int stageId) {
        @Nullable Object[] found = byStage.get(stageId);
        if (found == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot take a report: stage=%d is none that reports so, epoch=%d. Please report this."
                            .formatted(stageId, epoch));
        }
        return found;
    }

    boolean isComplete() {
        return missingReaders == 0
                && missingTasks == 0
                && missingWriters == 0
                && missingSnapshots == 0
                && missingObservations == 0;
    }

    CompletedEpoch complete() {
        Map<Integer, List<Object>> allPositions = new HashMap<>();
        positions.forEach((stage, array) -> {
            List<Object> list = new ArrayList<>();
            for (@Nullable Object position : array) {
                if (position == null) {
                    throw new MillraceException(
                            ErrorCode.INVARIANT,
                            "Cannot complete epoch=%d: a source partition of stage=%d gave no position. Please report this."
                                    .formatted(epoch, stage));
                }
                list.add(position);
            }
            allPositions.put(stage, List.copyOf(list));
        });
        Map<Integer, List<@Nullable Object>> allMessages = new HashMap<>();
        messages.forEach((stage, array) -> allMessages.put(stage, Collections.unmodifiableList(Arrays.asList(array))));
        return new CompletedEpoch(
                epoch,
                Map.copyOf(allPositions),
                Map.copyOf(rowsRead),
                Map.copyOf(allMessages),
                Map.copyOf(rowsWritten),
                Map.copyOf(observations),
                snapshots.stream()
                        .sorted(Comparator.comparing(StoredSnapshot::file))
                        .toList(),
                new EpochTimes(
                        requestedNanos, alignedNanos, preparedNanos, snapshots.isEmpty() ? alignedNanos : storedNanos));
    }
}
