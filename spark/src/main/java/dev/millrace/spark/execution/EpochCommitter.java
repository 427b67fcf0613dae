package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.spark.plan.PlannedQuery;
import dev.millrace.spark.sink.SparkSink;
import dev.millrace.spark.source.SparkSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqMetadataBase;
import org.apache.spark.sql.execution.streaming.runtime.StreamProgress;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes completed epochs durable, one after the other: offset log, sink, commit log, sources, and then
 * the report.
 *
 * <p>Thread: the query's.
 */
final class EpochCommitter {
    /** How often sources are asked for their latest offset at most: for Kafka it is a trip to the broker. */
    private static final long LATEST_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final Logger LOG = LoggerFactory.getLogger(EpochCommitter.class);

    private final RealTimeExecution query;
    private final Checkpoint checkpoint;
    private final QuerySources sources;
    private final SparkSink sink;
    private final PlannedQuery plan;
    private final QueryProgress progress;
    private final Map<SparkSource, Optional<Offset>> latest = new HashMap<>();
    private long latestAskedNanos;
    private long lastCommitted;
    private long watermarkMillis;
    private boolean needsReconfiguration;
    private boolean warnedOfPartitions;

    EpochCommitter(
            RealTimeExecution query,
            Checkpoint checkpoint,
            Checkpoint.Start start,
            QuerySources sources,
            SparkSink sink,
            PlannedQuery plan,
            QueryProgress progress) {
        this.query = query;
        this.checkpoint = checkpoint;
        this.sources = sources;
        this.sink = sink;
        this.plan = plan;
        this.progress = progress;
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
        long epoch = completed.epoch();
        watermarkMillis = Math.max(watermarkMillis, progress.watermarkMillis());
        Map<SparkDataStream, Offset> before = checkpoint.committedOffsets();
        Map<SparkSource, Offset> ends = ends(completed);
        Map<SparkDataStream, Offset> after = new LinkedHashMap<>(before);
        ends.forEach((source, offset) -> after.put(source.stream(), offset));
        StreamProgress end = Checkpoint.progressOf(after);

        OffsetSeqMetadataBase metadata =
                checkpoint.metadata(watermarkMillis, query.triggerClock().getTimeMillis());
        query.planned(epoch, end, metadata);
        progress.timed("walCommit", () -> checkpoint.plan(epoch, end, metadata));
        progress.timed("addBatch", () -> sink.commit(epoch, messages(completed)));
        progress.timed("commitOffsets", () -> checkpoint.commit(epoch, watermarkMillis));
        lastCommitted = epoch;
        ends.forEach(SparkSource::commit);
        query.committed(end);

        if (!isLast) {
            progress.timed("latestOffset", this::askLatest);
        }
        Map<SparkSource, Long> rowsRead = rowsRead(completed);
        progress.report(
                new QueryProgress.Epoch(epoch, before, rowsRead, rowsWritten(completed), latest, watermarkMillis));
        query.reported(end, latestProgress(end));
        return rowsRead;
    }

    private Map<SparkSource, Offset> ends(CompletedEpoch completed) {
        Map<SparkSource, Offset> ends = new LinkedHashMap<>();
        completed.positions().forEach((stageId, positions) -> {
            SparkSource source = source(stageId);
            ends.put(source, source.merge(positions));
        });
        return ends;
    }

    private Map<SparkSource, Long> rowsRead(CompletedEpoch completed) {
        Map<SparkSource, Long> rows = new HashMap<>();
        completed.rowsRead().forEach((stageId, count) -> rows.merge(source(stageId), count, Long::sum));
        return rows;
    }

    private SparkSource source(int stageId) {
        Integer index = plan.streamOfStage().get(stageId);
        if (index == null) {
            throw new IllegalStateException("Stage %d reads no source.".formatted(stageId));
        }
        return sources.sources().get(index);
    }

    private static List<@Nullable Object> messages(CompletedEpoch completed) {
        List<@Nullable Object> messages = new ArrayList<>();
        new TreeMap<>(completed.messages()).values().forEach(messages::addAll);
        return messages;
    }

    private static long rowsWritten(CompletedEpoch completed) {
        return completed.rowsWritten().values().stream()
                .mapToLong(Long::longValue)
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
            if (source.needsReconfiguration(offset)) {
                partitionsChanged(source);
            }
        }
    }

    /** Building the dataflow anew would empty a stateful query's state, so such a query stays as it is. */
    private void partitionsChanged(SparkSource source) {
        if (!plan.isStateful()) {
            needsReconfiguration = true;
        } else if (!warnedOfPartitions) {
            warnedOfPartitions = true;
            LOG.warn(
                    "Source {} has new partitions, and query {} does not read them, because its state cannot be moved "
                            + "yet. Start it again with a new checkpoint location to read them.",
                    source.name(),
                    query.label());
        }
    }

    /** What the sources are known to hold: never behind what was read. */
    private StreamProgress latestProgress(StreamProgress end) {
        Map<SparkDataStream, Offset> offsets = new LinkedHashMap<>();
        sources.sources()
                .forEach(source -> offsets.put(
                        source.stream(), QueryProgress.latestOf(source, latest).orElse(source.committed())));
        return offsets.isEmpty() ? end : Checkpoint.progressOf(offsets);
    }
}
