package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.CommitProtocol;
import dev.millrace.engine.epoch.CommitProtocol.Found;
import dev.millrace.engine.epoch.Manifest;
import dev.millrace.engine.epoch.ManifestLog;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.checkpoint.StateFiles;
import dev.millrace.spark.migration.SparkState;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.source.SparkSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.execution.streaming.checkpointing.CheckpointFileManager;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqBase;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqMetadata;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqMetadata$;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqMetadataBase;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqMetadataV2;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqMetadataV2$;
import org.apache.spark.sql.execution.streaming.runtime.AcceptsLatestSeenOffsetHandler;
import org.apache.spark.sql.execution.streaming.runtime.StreamProgress;
import org.jspecify.annotations.Nullable;

/**
 * What a query's checkpoint says in Spark's words: where its sources stand, its watermark, the settings
 * that it is bound to. Writes nothing; that is the commit protocol's.
 *
 * <p>Thread: the query's.
 */
final class Checkpoint {
    private static final String OFFSET_LOG_VERSION = "spark.sql.streaming.offsetLog.formatVersion";
    private static final int VERSION_2 = 2;

    private final SparkSession session;
    private final SparkOffsetLog offsetLog;
    private final SparkCommitLog commitLog;
    private final CommitProtocol protocol;
    private final QuerySources sources;
    private final String run;
    private int offsetLogVersion;

    /** @param run tells this run of the query from all others */
    Checkpoint(
            SparkSession session,
            SparkOffsetLog offsetLog,
            SparkCommitLog commitLog,
            CommitProtocol protocol,
            QuerySources sources,
            String run) {
        this.session = session;
        this.offsetLog = offsetLog;
        this.commitLog = commitLog;
        this.protocol = protocol;
        this.sources = sources;
        this.run = run;
    }

    /**
     * Where a query goes on.
     *
     * @param firstEpoch the first epoch to run
     * @param restoredEpoch the epoch to go on behind, or -1
     * @param watermarkMillis the watermark behind it
     */
    record Start(long firstEpoch, long restoredEpoch, long watermarkMillis) {}

    /** Tells sources that ask for it the last offset that was ever planned. Once, before anything reads. */
    void tellLatestSeen(Found found) {
        AcceptsLatestSeenOffsetHandler.setLatestSeenOffsetOnSources(
                Scala.option(lastEntry(found)), sources.scalaOccurrences(), sources.scalaById());
    }

    /**
     * Sets where each source starts and the settings that the query is bound to.
     *
     * @param restoreEpoch the committed epoch to go back to, or -1 for the last
     *
     * <p>Errors: UNSUPPORTED_CHECKPOINT, SOURCE_FAILED, IOException.
     */
    Start position(Found found, long restoreEpoch) throws IOException {
        OffsetSeqBase latest = lastEntry(found);
        offsetLogVersion = latest == null ? configuredVersion() : latest.version();
        session.conf().set(OFFSET_LOG_VERSION, (long) offsetLogVersion);
        long restored = restoreEpoch < 0 ? found.epoch() : requireCommitted(restoreEpoch, found.epoch());
        OffsetSeqBase entry = restored < 0 ? null : entry(found, restored);
        OffsetSeqMetadataBase bound = entry == null ? null : orNull(entry.metadataOpt());
        if (bound == null && latest != null) {
            bound = orNull(latest.metadataOpt());
        }
        long watermarkMillis = 0;
        if (bound != null) {
            OffsetSeqMetadata$.MODULE$.setSessionConf(
                    bound, session.sessionState().conf());
            watermarkMillis = bound.batchWatermarkMs();
        }
        if (restored >= 0 && restored == found.committed()) {
            watermarkMillis = Math.max(watermarkMillis, commitLog.watermarkMillis(restored));
        }
        startSources(entry);
        return new Start(found.epoch() + 1, restored, watermarkMillis);
    }

    private @Nullable OffsetSeqBase lastEntry(Found found) {
        Optional<OffsetSeqBase> planned = found.planned() < 0 ? Optional.empty() : offsetLog.find(found.planned());
        return found.decided()
                .map(manifest -> offsetLog.read(manifest.offsets()))
                .or(() -> planned)
                .orElse(null);
    }

    private OffsetSeqBase entry(Found found, long epoch) throws IOException {
        Optional<byte[]> ending =
                found.decided().filter(manifest -> manifest.epoch() == epoch).map(Manifest::offsets);
        return (ending.isPresent() ? ending : protocol.ending(epoch))
                .map(offsetLog::read)
                .orElseThrow(() -> new MillraceException(
                        ErrorCode.UNSUPPORTED_CHECKPOINT,
                        ("Cannot continue from the checkpoint: epoch=%d is in its commit log and not in its offset log. "
                                        + "Restore the file, or start with a new checkpoint location.")
                                .formatted(epoch)));
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
            source.startFrom(session, logged == null ? null : logged.json());
        }
    }

    /** The plan that an entry of the offset log says, whoever wrote it. */
    EpochPlan plan(long epoch, byte[] entryBytes) {
        OffsetSeqBase entry = offsetLog.read(entryBytes);
        StreamProgress progress = entry.toStreamProgress(sources.scalaOccurrences(), sources.scalaById());
        Map<SparkDataStream, Offset> ends = committedOffsets();
        for (SparkSource source : sources.sources()) {
            Offset logged = orNull(progress.get(source.stream()));
            if (logged != null) {
                ends.put(source.stream(), source.deserialize(logged.json()));
            }
        }
        OffsetSeqMetadataBase metadata = orNull(entry.metadataOpt());
        return new EpochPlan(
                epoch,
                entryBytes,
                ends,
                metadata == null ? metadata(0, 0) : metadata,
                !ends.equals(committedOffsets()));
    }

    /** The offset log's entry of an epoch, byte by byte. */
    byte[] entryBytes(StreamProgress end, OffsetSeqMetadataBase metadata) {
        return offsetLog.write(end.toOffsets(sources.scalaOccurrences(), sources.scalaById(), metadata));
    }

    /** What is logged beside offsets: watermark, time, the settings that the query is bound to, and who logs it. */
    OffsetSeqMetadataBase metadata(long watermarkMillis, long timestampMillis) {
        if (offsetLogVersion == VERSION_2) {
            OffsetSeqMetadataV2 metadata =
                    OffsetSeqMetadataV2$.MODULE$.apply(watermarkMillis, timestampMillis, session.conf());
            return metadata.copy(
                    watermarkMillis,
                    timestampMillis,
                    metadata.conf().updated(SparkOffsetLog.RUN, run),
                    metadata.sourceMetadataInfo(),
                    metadata.controlBatchInfo());
        }
        OffsetSeqMetadata metadata = OffsetSeqMetadata$.MODULE$.apply(watermarkMillis, timestampMillis, session.conf());
        return metadata.copy(watermarkMillis, timestampMillis, metadata.conf().updated(SparkOffsetLog.RUN, run));
    }

    /** Where all sources stand. */
    Map<SparkDataStream, Offset> committedOffsets() {
        Map<SparkDataStream, Offset> offsets = new LinkedHashMap<>();
        sources.sources()
                .forEach(source -> source.committed().ifPresent(offset -> offsets.put(source.stream(), offset)));
        return offsets;
    }

    static StreamProgress progressOf(Map<SparkDataStream, Offset> offsets) {
        return new StreamProgress(scala.collection.immutable.HashMap$.MODULE$.from(Scala.immutableMap(offsets)));
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
     * <p>Errors: UNSUPPORTED_CHECKPOINT when stock Spark kept state there that is not to be brought over, or when the
     * query is stateful and has run before without keeping its state: going on with empty state would give wrong
     * answers.
     */
    static void refuseState(SparkSession session, String root, boolean isStateful, boolean importsState) {
        Path path = new Path(root);
        CheckpointFileManager files =
                CheckpointFileManager.create(path, session.sessionState().newHadoopConf());
        boolean holdsSparks = SparkState.isThere(files, path);
        if (holdsState(stateFiles(session, root)) || (isStateful && holdsSparks && importsState)) {
            return;
        }
        if (holdsSparks) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    ("Cannot continue from the checkpoint: location=%s holds state of stock Spark. Set "
                                    + "spark.millrace.checkpoint.import=true, which brings it over for good, start with a new "
                                    + "checkpoint location, or set spark.millrace.enabled=false.")
                            .formatted(root));
        }
        if (isStateful && holdsFiles(files, new Path(path, "commits"))) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    ("Cannot continue from the checkpoint: location=%s is of a query that ran before and kept no state, "
                                    + "and this one is stateful. Start with a new checkpoint location.")
                            .formatted(root));
        }
    }

    /** Whether Millrace keeps a query's state there. */
    static boolean holdsState(StateFiles files) {
        try {
            return new ManifestLog(files)
                    .newestReadable()
                    .filter(manifest -> !manifest.state().operators().isEmpty())
                    .isPresent();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Millrace's own folder in a query's checkpoint. */
    static StateFiles stateFiles(SparkSession session, String root) {
        return StateFiles.of(new Path(root), session.sessionState().newHadoopConf());
    }

    private static boolean holdsFiles(CheckpointFileManager files, Path folder) {
        return files.exists(folder) && files.list(folder).length > 0;
    }
}
