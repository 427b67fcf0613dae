package dev.millrace.spark.execution;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.source.SparkSource;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.errors.QueryExecutionErrors;
import org.apache.spark.sql.execution.streaming.checkpointing.CheckpointFileManager;
import org.apache.spark.sql.execution.streaming.checkpointing.CommitLog;
import org.apache.spark.sql.execution.streaming.checkpointing.CommitMetadataBase;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqBase;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqLog;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqMetadata$;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqMetadataBase;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqMetadataV2$;
import org.apache.spark.sql.execution.streaming.runtime.AcceptsLatestSeenOffsetHandler;
import org.apache.spark.sql.execution.streaming.runtime.StreamProgress;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Tuple2;

/**
 * A query's offset and commit logs, in Spark's own formats, so that a stateless query can go back to
 * stock Spark.
 *
 * <p>Where to start: behind the last epoch that the commit log names. An epoch that the offset log
 * names and the commit log does not was planned by stock Spark, or cut short between the two. Its
 * rows are read again, as part of later epochs; its number is written off as an epoch without rows.
 * A sink that drops epochs that it has seen may have taken that epoch already, and would drop other
 * rows under the same number; so no row is lost, and some may come twice, as at any restart of a
 * query whose sink is not transactional.
 *
 * <p>Thread: the query's.
 */
final class Checkpoint {
    private static final Logger LOG = LoggerFactory.getLogger(Checkpoint.class);
    private static final String OFFSET_LOG_VERSION = "spark.sql.streaming.offsetLog.formatVersion";
    private static final int VERSION_2 = 2;

    /** Where state is kept; its layout is {@link StateLog}'s. */
    private static final String STATE_FOLDER = "millrace";

    private final SparkSession session;
    private final OffsetSeqLog offsetLog;
    private final CommitLog commitLog;
    private final QuerySources sources;
    private int offsetLogVersion;

    Checkpoint(SparkSession session, OffsetSeqLog offsetLog, CommitLog commitLog, QuerySources sources) {
        this.session = session;
        this.offsetLog = offsetLog;
        this.commitLog = commitLog;
        this.sources = sources;
    }

    /**
     * Where a query goes on.
     *
     * @param firstEpoch the first epoch to run
     * @param committedEpoch the epoch to go on behind, or -1
     * @param watermarkMillis the watermark of the last epoch
     * @param isRestart whether any epoch was ever committed
     * @param abandonedEpoch an epoch that was planned and not committed, or -1
     */
    record Start(long firstEpoch, long committedEpoch, long watermarkMillis, boolean isRestart, long abandonedEpoch) {}

    /**
     * Reads the logs, sets where each source starts and the settings that the query is bound to. Writes
     * nothing.
     *
     * @param restoreEpoch the committed epoch to go back to, or -1 for the last
     *
     * <p>Errors: UNSUPPORTED_CHECKPOINT, SOURCE_FAILED.
     */
    Start read(long restoreEpoch) {
        Optional<Tuple2<Object, OffsetSeqBase>> planned = Scala.optional(offsetLog.getLatest());
        Optional<Tuple2<Object, CommitMetadataBase>> committed = Scala.optional(commitLog.getLatest());
        long lastPlanned = planned.map(entry -> (Long) entry._1()).orElse(-1L);
        long lastCommitted = committed.map(entry -> (Long) entry._1()).orElse(-1L);
        AcceptsLatestSeenOffsetHandler.setLatestSeenOffsetOnSources(
                Scala.option(planned.map(Tuple2::_2).orElse(null)), sources.scalaOccurrences(), sources.scalaById());
        offsetLogVersion = planned.map(entry -> entry._2().version()).orElseGet(this::configuredVersion);
        session.conf().set(OFFSET_LOG_VERSION, (long) offsetLogVersion);
        long restored = restoreEpoch < 0 ? lastCommitted : requireCommitted(restoreEpoch, lastCommitted);
        OffsetSeqBase entry = restored < 0 ? null : offsetsOf(restored);
        OffsetSeqMetadataBase bound = entry == null ? null : orNull(entry.metadataOpt());
        if (bound == null && planned.isPresent()) {
            bound = orNull(planned.get()._2().metadataOpt());
        }
        long watermarkMillis = 0;
        if (bound != null) {
            OffsetSeqMetadata$.MODULE$.setSessionConf(
                    bound, session.sessionState().conf());
            watermarkMillis = bound.batchWatermarkMs();
        }
        if (committed.isPresent() && restored == lastCommitted) {
            watermarkMillis = Math.max(watermarkMillis, committed.get()._2().nextBatchWatermarkMs());
        }
        startSources(entry);
        long abandoned = lastPlanned > lastCommitted ? lastPlanned : -1;
        return new Start(
                Math.max(lastPlanned, lastCommitted) + 1, restored, watermarkMillis, committed.isPresent(), abandoned);
    }

    private static long requireCommitted(long restoreEpoch, long lastCommitted) {
        if (restoreEpoch > lastCommitted) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot go back: spark.millrace.restore.epoch=%d, last committed epoch=%d. Set an earlier one, or unset it."
                            .formatted(restoreEpoch, lastCommitted));
        }
        return restoreEpoch;
    }

    private void startSources(@Nullable OffsetSeqBase entry) {
        if (entry != null
                && entry.version() != VERSION_2
                && entry.offsets().size() != sources.occurrences().size()) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    ("Cannot continue from the checkpoint: it holds offsets of %d sources, and the query has %d. Give "
                                    + "the query the sources that it had, or a new checkpoint location.")
                            .formatted(
                                    entry.offsets().size(),
                                    sources.occurrences().size()));
        }
        StreamProgress progress =
                entry == null ? null : entry.toStreamProgress(sources.scalaOccurrences(), sources.scalaById());
        for (SparkSource source : sources.sources()) {
            Offset logged = progress == null ? null : orNull(progress.get(source.stream()));
            source.startFrom(logged == null ? null : logged.json());
        }
    }

    /**
     * Writes off the epochs that were planned and never committed.
     *
     * @param unchanged told of each before it is committed: it left the state as it was
     */
    void abandonPlanned(Start start, LongConsumer unchanged) {
        if (start.abandonedEpoch() < 0) {
            return;
        }
        long lastCommitted = (Long)
                Scala.optional(commitLog.getLatest()).<Object>map(Tuple2::_1).orElse(-1L);
        LOG.warn(
                "Epochs {} to {} were planned and not committed; their rows are read again in later epochs.",
                lastCommitted + 1,
                start.abandonedEpoch());
        offsetLog.purgeAfter(lastCommitted);
        OffsetSeqMetadataBase metadata = metadata(start.watermarkMillis(), 0);
        for (long epoch = lastCommitted + 1; epoch <= start.abandonedEpoch(); epoch++) {
            plan(epoch, progressOf(committedOffsets()), metadata);
            unchanged.accept(epoch);
            commit(epoch, start.watermarkMillis());
        }
    }

    /** The first durable mark of an epoch: where its rows end. */
    void plan(long epoch, StreamProgress end, OffsetSeqMetadataBase metadata) {
        OffsetSeqBase entry = end.toOffsets(sources.scalaOccurrences(), sources.scalaById(), metadata);
        if (!offsetLog.add(epoch, entry)) {
            throw Scala.sneaky(QueryExecutionErrors.concurrentStreamLogUpdate(epoch));
        }
    }

    /** The second and last: everything before it is done. */
    void commit(long epoch, long watermarkMillis) {
        CommitMetadataBase metadata = commitLog.createMetadata(
                watermarkMillis, Scala.none(), Scala.immutableMap(Map.of()), commitLog.defaultVersion());
        if (!commitLog.add(epoch, metadata)) {
            throw Scala.sneaky(QueryExecutionErrors.concurrentStreamLogUpdate(epoch));
        }
    }

    /** What is logged beside offsets: watermark, time, and the settings that the query is bound to. */
    OffsetSeqMetadataBase metadata(long watermarkMillis, long timestampMillis) {
        return offsetLogVersion == VERSION_2
                ? OffsetSeqMetadataV2$.MODULE$.apply(watermarkMillis, timestampMillis, session.conf())
                : OffsetSeqMetadata$.MODULE$.apply(watermarkMillis, timestampMillis, session.conf());
    }

    /** Where all sources stand. */
    Map<SparkDataStream, Offset> committedOffsets() {
        Map<SparkDataStream, Offset> offsets = new java.util.LinkedHashMap<>();
        sources.sources().forEach(source -> offsets.put(source.stream(), source.committed()));
        return offsets;
    }

    static StreamProgress progressOf(Map<SparkDataStream, Offset> offsets) {
        return new StreamProgress(scala.collection.immutable.HashMap$.MODULE$.from(Scala.immutableMap(offsets)));
    }

    private OffsetSeqBase offsetsOf(long epoch) {
        return Scala.optional(offsetLog.get(epoch))
                .orElseThrow(() -> new MillraceException(
                        ErrorCode.UNSUPPORTED_CHECKPOINT,
                        ("Cannot continue from the checkpoint: epoch=%d is in its commit log and not in its offset log. "
                                        + "Restore the file, or start with a new checkpoint location.")
                                .formatted(epoch)));
    }

    private int configuredVersion() {
        return Integer.parseInt(session.conf().get(OFFSET_LOG_VERSION));
    }

    private static <T> @Nullable T orNull(scala.Option<T> option) {
        return Scala.optional(option).orElse(null);
    }

    /**
     * Refuses a checkpoint whose state cannot be restored. Reads only.
     *
     * <p>Errors: UNSUPPORTED_CHECKPOINT when stock Spark kept state there, or when the query is stateful
     * and has run before without keeping its state: going on with empty state would give wrong answers.
     */
    static void refuseState(SparkSession session, String root, boolean isStateful) {
        Path path = new Path(root);
        CheckpointFileManager files =
                CheckpointFileManager.create(path, session.sessionState().newHadoopConf());
        if (holdsFiles(files, new Path(path, "state"))) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    ("Cannot continue from the checkpoint: location=%s holds state of stock Spark, which Millrace cannot "
                                    + "read. Start with a new checkpoint location, or set spark.millrace.enabled=false.")
                            .formatted(root));
        }
        if (isStateful && holdsFiles(files, new Path(path, "commits")) && !files.exists(new Path(path, STATE_FOLDER))) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    ("Cannot continue from the checkpoint: location=%s is of a query that ran before and kept no state, "
                                    + "and this one is stateful. Start with a new checkpoint location.")
                            .formatted(root));
        }
    }

    /** Millrace's own folder in a query's checkpoint. */
    static StateFiles stateFiles(SparkSession session, String root) {
        return new StateFiles(
                new Path(new Path(root), STATE_FOLDER), session.sessionState().newHadoopConf());
    }

    private static boolean holdsFiles(CheckpointFileManager files, Path folder) {
        return files.exists(folder) && files.list(folder).length > 0;
    }
}
