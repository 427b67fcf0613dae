package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.CommitProtocol;
import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.epoch.EpochCommit;
import dev.millrace.engine.epoch.Manifest;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.snapshot.SnapshotFile;
import dev.millrace.engine.snapshot.StateIndex;
import dev.millrace.spark.sink.QuerySinks;
import dev.millrace.spark.source.SparkSource;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqMetadataBase;
import org.apache.spark.sql.execution.streaming.runtime.StreamProgress;
import org.jspecify.annotations.Nullable;

/**
 * Brings completed epochs of one dataflow to the commit protocol, one after the other, and then to the
 * sources and the report.
 *
 * <p>Thread: the query's.
 */
final class EpochCommitter {
    /** How often sources are asked for their latest offset at most: for Kafka it is a trip to the broker. */
    private static final long LATEST_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final MillraceExecution query;
    private final Checkpoint checkpoint;
    private final CommitProtocol protocol;
    private final Purging purging;
    private final QuerySources sources;
    private final QuerySinks sink;
    private final Predicate<Integer> isLateStage;
    private final Map<Integer, Integer> sourceOfStage;
    private final Observations observations;
    private final QueryProgress progress;
    private final LongConsumer committed;
    private final Map<SparkSource, Optional<Offset>> latest = new HashMap<>();
    private final Map<SparkSource, Long> committedRows = new HashMap<>();
    private long committedWritten;
    private StateIndex state;
    private long latestAskedNanos;
    private long lastCommitted;
    private long watermarkMillis;
    private int committedSincePurge;
    private boolean needsReconfiguration;

    /**
     * What stays the same over all dataflows of a query.
     *
     * @param sourceOfStage for each reading stage's id, the number of its source
     * @param isLateStage whether the stage of an id writes late rows
     */
    record Surroundings(
            MillraceExecution query,
            Checkpoint checkpoint,
            CommitProtocol protocol,
            Purging purging,
            QuerySources sources,
            QuerySinks sink,
            Map<Integer, Integer> sourceOfStage,
            Observations observations,
            Predicate<Integer> isLateStage,
            QueryProgress progress) {}

    /**
     * @param state the state behind the epoch that the dataflow starts from
     * @param committed told of each committed epoch
     */
    EpochCommitter(Surroundings surroundings, Checkpoint.Start start, StateIndex state, LongConsumer committed) {
        this.query = surroundings.query();
        this.checkpoint = surroundings.checkpoint();
        this.protocol = surroundings.protocol();
        this.purging = surroundings.purging();
        this.sources = surroundings.sources();
        this.sink = surroundings.sink();
        this.isLateStage = surroundings.isLateStage();
        this.sourceOfStage = surroundings.sourceOfStage();
        this.observations = surroundings.observations();
        this.progress = surroundings.progress();
        this.state = state;
        this.committed = committed;
        this.lastCommitted = start.firstEpoch() - 1;
        this.watermarkMillis = start.watermarkMillis();
        this.latestAskedNanos = System.nanoTime() - LATEST_NANOS;
    }

    /** The last epoch that is durable. */
    long lastCommitted() {
        return lastCommitted;
    }

    /** Whether a source has partitions that nobody reads; cleared by the question. */
    boolean needsReconfiguration() {
        boolean answer = needsReconfiguration;
        needsReconfiguration = false;
        return answer;
    }

    /**
     * Commits one epoch and gives the rows that each source read in it.
     *
     * @param isLast whether the query is about to end, so that nothing is asked of the sources any more
     */
    Map<SparkSource, Long> commit(CompletedEpoch completed, boolean isLast) {
        watermarkMillis = Math.max(watermarkMillis, progress.watermarkMillis());
        Map<SparkSource, Offset> ends = ends(completed);
        Map<SparkDataStream, Offset> after = checkpoint.committedOffsets();
        ends.forEach((source, offset) -> after.put(source.stream(), offset));
        StreamProgress end = Checkpoint.progressOf(after);
        OffsetSeqMetadataBase metadata =
                checkpoint.metadata(watermarkMillis, query.triggerClock().getTimeMillis());
        query.planned(completed.epoch(), end, metadata);
        byte[] entry = checkpoint.entryBytes(end, metadata);
        return commit(completed, new Ending(ends, end, entry, watermarkMillis, watermarkMillis), isLast);
    }

    /**
     * Commits a bounded epoch, which ends where it was planned to.
     *
     * @param nextWatermarkMillis the watermark that the next epoch begins with
     */
    void commit(CompletedEpoch completed, EpochPlan plan, long nextWatermarkMillis) {
        Ending ending =
                new Ending(ends(completed), plan.end(), plan.entry(), nextWatermarkMillis, plan.watermarkMillis());
        Map<SparkSource, Long> unused = commit(completed, ending, false);
    }

    /**
     * How an epoch ends.
     *
     * @param entry its entry in the offset log
     * @param nextWatermarkMillis the watermark that the next epoch begins with
     * @param shownWatermarkMillis the watermark that its progress tells
     */
    @SuppressWarnings("ArrayRecordComponent") // opaque bytes that are only handed on
    private record Ending(
            Map<SparkSource, Offset> ends,
            StreamProgress end,
            byte[] entry,
            long nextWatermarkMillis,
            long shownWatermarkMillis) {}

    private Map<SparkSource, Long> commit(CompletedEpoch completed, Ending ending, boolean isLast) {
        long epoch = completed.epoch();
        Map<SparkDataStream, Offset> before = checkpoint.committedOffsets();
        StateIndex next = state.with(completed.snapshots());
        commit(protocol.commit(
                epoch,
                ending.entry(),
                sink.pack(epoch, messages(completed, isLateStage.negate()), messages(completed, isLateStage)),
                next,
                ending.nextWatermarkMillis()));
        state = next;
        lastCommitted = epoch;
        committed.accept(epoch);
        ending.ends().forEach(SparkSource::commit);
        query.committed(ending.end());

        if (!isLast) {
            progress.timed("latestOffset", this::askLatest);
        }
        Map<SparkSource, Long> rowsRead = bySource(completed.rowsRead());
        rowsRead.forEach((source, rows) -> committedRows.merge(source, rows, Long::sum));
        long rowsWritten = rowsWritten(completed.rowsWritten());
        committedWritten += rowsWritten;
        progress.report(new QueryProgress.Epoch(
                epoch, before, rowsRead, rowsWritten, latest, ending.shownWatermarkMillis(), end(completed)));
        query.reported(ending.end(), latestProgress(ending.end()));
        return rowsRead;
    }

    /** Reports the epoch under way, if it is time to, while none is being gathered: then all rows that came are its. */
    void reportUnderWay(int inFlight) {
        if (inFlight > 0 || progress.untilReportNanos() > 0) {
            return;
        }
        askLatest();
        watermarkMillis = Math.max(watermarkMillis, progress.watermarkMillis());
        Map<SparkSource, Long> rowsRead = bySource(progress.rowsRead());
        rowsRead.replaceAll((source, rows) -> rows - committedRows.getOrDefault(source, 0L));
        progress.report(new QueryProgress.Epoch(
                lastCommitted + 1,
                checkpoint.committedOffsets(),
                rowsRead,
                rowsWritten(progress.rowsWritten()) - committedWritten,
                latest,
                watermarkMillis,
                null));
    }

    /** How long to wait for an epoch at most before {@link #reportUnderWay} is called. */
    long untilReportNanos(int inFlight) {
        return inFlight > 0 ? Long.MAX_VALUE : progress.untilReportNanos();
    }

    private QueryProgress.EpochEnd end(CompletedEpoch completed) {
        long bytes = completed.snapshots().stream()
                .flatMap(stored -> stored.index().stream())
                .mapToLong(SnapshotFile.Entry::packedBytes)
                .sum();
        return new QueryProgress.EpochEnd(completed.times(), bytes, observations.of(completed));
    }

    private void commit(EpochCommit commit) {
        while (!commit.isDone()) {
            progress.timed(partOf(commit.next()), () -> {
                try {
                    commit.advance();
                } catch (IOException e) {
                    throw new MillraceException(
                            ErrorCode.STATE_STORAGE,
                            "Cannot commit epoch=%d: error=%s. Check that the checkpoint location can be written."
                                    .formatted(commit.manifest().epoch(), e),
                            e);
                }
            });
        }
        purge(commit.manifest());
    }

    /** The step's name among the durations of Spark's progress. */
    private static String partOf(EpochCommit.Step step) {
        return switch (step) {
            case DECIDE -> "manifestCommit";
            case LOG_OFFSETS -> "walCommit";
            case COMMIT_SINK -> "addBatch";
            case LOG_COMMIT, DONE -> "commitOffsets";
        };
    }

    /** Looks at storage only when a tenth of the epochs to keep has come since the last time. */
    private void purge(Manifest newest) {
        if (++committedSincePurge < Math.max(1, query.epochsToKeep() / 10) || purging.isUnderWay()) {
            return;
        }
        committedSincePurge = 0;
        purging.begin(protocol.purging(newest, query.epochsToKeep()));
    }

    private Map<SparkSource, Offset> ends(CompletedEpoch completed) {
        Map<SparkSource, Offset> ends = new LinkedHashMap<>();
        completed.positions().forEach((stageId, positions) -> {
            SparkSource source = source(stageId);
            source.merge(positions).ifPresent(end -> ends.put(source, end));
        });
        return ends;
    }

    private Map<SparkSource, Long> bySource(Map<Integer, Long> rowsOfStages) {
        Map<SparkSource, Long> rows = new HashMap<>();
        rowsOfStages.forEach((stageId, count) -> rows.merge(source(stageId), count, Long::sum));
        return rows;
    }

    private SparkSource source(int stageId) {
        Integer index = sourceOfStage.get(stageId);
        if (index == null) {
            throw new IllegalStateException("Stage %d reads no source.".formatted(stageId));
        }
        return sources.sources().get(index);
    }

    /** The messages of the stages that are asked for, in their order and that of their tasks. */
    private static List<@Nullable Object> messages(CompletedEpoch completed, Predicate<Integer> stages) {
        List<@Nullable Object> messages = new ArrayList<>();
        new TreeMap<>(completed.messages()).forEach((stage, ofTasks) -> {
            if (stages.test(stage)) {
                messages.addAll(ofTasks);
            }
        });
        return messages;
    }

    /** Without late rows, which the query's sink never sees. */
    private long rowsWritten(Map<Integer, Long> ofStages) {
        return ofStages.entrySet().stream()
                .filter(stage -> !isLateStage.test(stage.getKey()))
                .mapToLong(Map.Entry::getValue)
                .sum();
    }

    private void askLatest() {
        if (System.nanoTime() - latestAskedNanos < LATEST_NANOS) {
            return;
        }
        latestAskedNanos = System.nanoTime();
        for (SparkSource source : sources.sources()) {
            Optional<Offset> offset = source.latest();
            latest.put(source, offset);
            progress.sourceMetrics(source);
            needsReconfiguration |= source.needsReconfiguration(offset);
        }
    }

    /** What the sources are known to hold: never behind what was read. */
    private StreamProgress latestProgress(StreamProgress end) {
        Map<SparkDataStream, Offset> offsets = new LinkedHashMap<>();
        sources.sources().forEach(source -> QueryProgress.latestOf(source, latest)
                .or(source::committed)
                .ifPresent(offset -> offsets.put(source.stream(), offset)));
        return offsets.isEmpty() ? end : Checkpoint.progressOf(offsets);
    }
}
