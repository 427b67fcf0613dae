package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.OffsetLog;
import dev.millrace.spark.scala.Scala;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqBase;
import org.apache.spark.sql.execution.streaming.checkpointing.OffsetSeqLog;
import scala.runtime.BoxedUnit;

/** Spark's offset log as the commit protocol sees it: its files, byte by byte. Thread: the query's. */
final class SparkOffsetLog implements OffsetLog {
    /** Among the settings that an entry of Millrace names: which run wrote it. Stock Spark passes over it. */
    static final String RUN = "spark.millrace.run";

    private final OffsetSeqLog log;

    SparkOffsetLog(OffsetSeqLog log) {
        this.log = log;
    }

    @Override
    public long last() {
        return Arrays.stream(log.listBatchesOnDisk()).max().orElse(-1);
    }

    @Override
    public Optional<byte[]> entry(long epoch) throws IOException {
        try {
            return Optional.of(Scala.cast(log.applyFnToBatchByStream(epoch, false, input -> {
                try {
                    return input.readAllBytes();
                } catch (IOException e) {
                    throw Scala.sneaky(e);
                }
            })));
        } catch (Exception e) {
            if (e instanceof FileNotFoundException) { // which Scala does not declare
                return Optional.empty();
            }
            throw e;
        }
    }

    @Override
    public boolean isOfAnotherEngine(byte[] entry) {
        return Scala.optional(read(entry).metadataOpt())
                .filter(metadata -> metadata.conf().contains(RUN))
                .isEmpty();
    }

    @Override
    public void replace(long epoch, byte[] entry) {
        // Deleted first: not every file system lets a file be put in another's place. Where a run that is fenced is
        // faster once more, the next start mends it.
        log.fileManager().delete(log.batchIdToPath(epoch));
        boolean unused = add(epoch, entry);
    }

    @Override
    public boolean add(long epoch, byte[] entry) {
        try {
            return log.addNewBatchByStream(epoch, output -> {
                try {
                    output.write(entry);
                    return BoxedUnit.UNIT;
                } catch (IOException e) {
                    throw Scala.sneaky(e);
                }
            });
        } catch (Exception e) {
            // Another run that commits the same decided epoch may have been faster between Spark's look and its rename.
            if (last() < epoch) {
                throw e;
            }
            return false;
        }
    }

    @Override
    public void removeBehind(long epoch) {
        log.purgeAfter(epoch);
    }

    /** What an epoch's entry says, where it has one. */
    Optional<OffsetSeqBase> find(long epoch) {
        return Scala.optional(log.get(epoch));
    }

    byte[] write(OffsetSeqBase entry) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        log.serialize(entry, bytes);
        return bytes.toByteArray();
    }

    OffsetSeqBase read(byte[] entry) {
        return log.deserialize(new ByteArrayInputStream(entry));
    }
}
