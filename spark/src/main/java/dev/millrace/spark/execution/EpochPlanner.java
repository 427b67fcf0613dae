package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.CommitProtocol;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.source.PortionedSource;
import java.io.IOException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.ReadLimit;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqMetadataBase;

/**
 * Plans bounded epochs: asks the sources how far each may go, and writes that into the offset log before any
 * row of the epoch is read. So an epoch that fails, in this process or the next, runs again with the same rows.
 *
 * <p>Thread: the query's. Source: {@code constructNextBatch} of Spark's MicroBatchExecution.
 */
final class EpochPlanner {
    private final QuerySources sources;
    private final Checkpoint checkpoint;
    private final CommitProtocol protocol;
    private final Pace.Kind pace;

    /** Where streams end that cannot themselves stop at what there is at the start, once they were asked. */
    private final Map<PortionedSource, Optional<Offset>> fixedEnds = new HashMap<>();

    private boolean isPrepared;

    EpochPlanner(QuerySources sources, Checkpoint checkpoint, CommitProtocol protocol, Pace.Kind pace) {
        this.sources = sources;
        this.checkpoint = checkpoint;
        this.protocol = protocol;
        this.pace = pace;
    }

    /** Fixes what there is at the query's start, where that is all that it is to read. Readers exist. */
    void prepare() {
        if (isPrepared || pace != Pace.Kind.AVAILABLE_NOW) {
            return;
        }
        isPrepared = true;
        for (PortionedSource source : sources.portioned()) {
            if (!source.prepareForAvailableNow()) {
                fixedEnds.put(source, source.admit(ReadLimit.allAvailable()));
            }
        }
    }

    /** How far each stream may go in the next epoch: where it stands, when it has nothing new. */
    Map<SparkDataStream, Offset> admitted() {
        Map<SparkDataStream, Offset> ends = new LinkedHashMap<>();
        for (PortionedSource source : sources.portioned()) {
            admitted(source).ifPresent(end -> ends.put(source.stream(), end));
        }
        return ends;
    }

    private Optional<Offset> admitted(PortionedSource source) {
        Optional<Offset> fixed = fixedEnds.get(source);
        if (fixed != null) {
            return fixed;
        }
        return pace == Pace.Kind.ONCE ? source.admit(ReadLimit.allAvailable()) : source.admit();
    }

    /** Where the streams stand. */
    Map<SparkDataStream, Offset> committed() {
        return checkpoint.committedOffsets();
    }

    /** Whether a stream has anything behind what is committed. */
    boolean hasData(Map<SparkDataStream, Offset> ends) {
        return !ends.equals(checkpoint.committedOffsets());
    }

    /** Writes the next epoch's plan into the offset log; where another run was faster, it is that one's. */
    EpochPlan plan(long epoch, Map<SparkDataStream, Offset> ends, long watermarkMillis, long timestampMillis)
            throws IOException {
        OffsetSeqMetadataBase metadata = checkpoint.metadata(watermarkMillis, timestampMillis);
        byte[] entry = checkpoint.entryBytes(Checkpoint.progressOf(ends), metadata);
        byte[] standing = protocol.plan(epoch, entry);
        return standing == entry
                ? new EpochPlan(epoch, entry, ends, metadata, hasData(ends))
                : checkpoint.plan(epoch, standing);
    }

    /** The plan of an epoch that is in the offset log and was never decided. */
    EpochPlan planned(long epoch) throws IOException {
        return checkpoint.plan(
                epoch,
                protocol.planned(epoch)
                        .orElseThrow(() -> new MillraceException(
                                ErrorCode.STATE_STORAGE,
                                "Cannot run epoch=%d: its entry in the offset log is gone. Run one query at a time on a checkpoint location."
                                        .formatted(epoch))));
    }

    /** Hands the rows of an epoch to the sources' readers. */
    void handIn(EpochPlan plan) {
        for (PortionedSource source : sources.portioned()) {
            Offset end = plan.ends().get(source.stream());
            if (end != null) {
                boolean unused = source.handIn(end);
            }
        }
    }
}
