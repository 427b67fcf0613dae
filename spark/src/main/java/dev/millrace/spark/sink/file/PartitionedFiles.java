package dev.millrace.spark.sink.file;

import dev.millrace.spark.scala.Scala;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.hadoop.mapreduce.TaskAttemptContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.internal.io.FileCommitProtocol;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.expressions.XXH64;
import org.apache.spark.sql.execution.UnsafeExternalRowSorter;
import org.apache.spark.sql.execution.datasources.BaseDynamicPartitionDataWriter;
import org.apache.spark.sql.execution.datasources.OutputWriter;
import org.apache.spark.sql.execution.datasources.WriteJobDescription;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.collection.unsafe.sort.PrefixComparators;
import org.apache.spark.util.collection.unsafe.sort.RecordComparator;
import org.jspecify.annotations.Nullable;

/**
 * Writes one task's rows of one epoch to a file per partition, in the order in which they come. So
 * many files are open at once and no more: rows of further partitions are set aside, in Spark's sorter,
 * which spills to disk, and are written partition by partition at the epoch's end.
 *
 * <p>Thread: the task's. Source: Spark's DynamicPartitionDataConcurrentWriter, which can only pull its
 * rows and sets all of them aside once its files are open.
 */
final class PartitionedFiles extends BaseDynamicPartitionDataWriter {
    private final WriteJobDescription description;
    private final StructType schema;
    private final int maxOpenFiles;
    private final Map<UnsafeRow, OpenFile> open = new HashMap<>();
    private @Nullable UnsafeRow currentPartition;
    private @Nullable OpenFile current;
    private @Nullable UnsafeExternalRowSorter setAside;

    /** What the superclass knows of its current file, kept while another one is current. */
    private static final class OpenFile {
        private @Nullable OutputWriter writer;
        private long rowCount;
        private int fileCounter;
    }

    PartitionedFiles(
            WriteJobDescription description,
            StructType schema,
            int maxOpenFiles,
            TaskAttemptContext context,
            FileCommitProtocol protocol) {
        super(description, context, protocol, Scala.immutableMap(Map.of()));
        this.description = description;
        this.schema = schema;
        this.maxOpenFiles = maxOpenFiles;
    }

    @Override
    public void write(InternalRow row) {
        UnsafeRow partition = getPartitionValues().apply(row);
        if (!partition.equals(currentPartition)) {
            OpenFile file = open.get(partition);
            if (file == null && open.size() >= maxOpenFiles) {
                setAside((UnsafeRow) row);
                return;
            }
            leaveCurrent();
            if (file == null) {
                openFile(partition.copy());
            } else {
                enter(partition.copy(), file);
            }
        }
        writeToCurrent(row);
    }

    /** Writes what was set aside; before the commit. */
    void finish() {
        UnsafeExternalRowSorter sorter = setAside;
        if (sorter == null) {
            return;
        }
        closeFiles();
        try {
            var rows = sorter.sort();
            while (rows.hasNext()) {
                InternalRow row = rows.next();
                UnsafeRow partition = getPartitionValues().apply(row);
                if (!partition.equals(currentPartition)) {
                    currentPartition = partition.copy();
                    renew(currentPartition, true);
                }
                writeToCurrent(row);
            }
        } catch (IOException e) {
            throw Scala.sneaky(e);
        }
        dropSetAside();
    }

    private void leaveCurrent() {
        if (current != null) {
            current.writer = currentWriter();
            current.rowCount = recordsInFile();
            current.fileCounter = fileCounter();
        }
    }

    private void enter(UnsafeRow partition, OpenFile file) {
        currentPartition = partition;
        current = file;
        currentWriter_$eq(file.writer);
        recordsInFile_$eq(file.rowCount);
        fileCounter_$eq(file.fileCounter);
    }

    private void openFile(UnsafeRow partition) {
        currentPartition = partition;
        current = new OpenFile();
        open.put(partition, current);
        renew(partition, false);
    }

    private void renew(UnsafeRow partition, boolean closeCurrent) {
        fileCounter_$eq(0);
        renewCurrentWriter(Scala.<InternalRow>option(partition), Scala.none(), closeCurrent);
    }

    private void writeToCurrent(InternalRow row) {
        if (description.maxRecordsPerFile() > 0 && recordsInFile() >= description.maxRecordsPerFile()) {
            renewCurrentWriterIfTooManyRecords(Scala.<InternalRow>option(currentPartition), Scala.none());
        }
        writeRecord(row);
    }

    private void setAside(UnsafeRow row) {
        try {
            if (setAside == null) {
                setAside = UnsafeExternalRowSorter.createWithRecordComparator(
                        schema,
                        AnyOrder::new,
                        PrefixComparators.LONG,
                        new PartitionHash(),
                        SparkEnv.get().memoryManager().pageSizeBytes(),
                        true);
            }
            setAside.insertRow(row);
        } catch (IOException e) {
            throw Scala.sneaky(e);
        }
    }

    private void dropSetAside() {
        if (setAside != null) {
            setAside.cleanupResources();
            setAside = null;
        }
    }

    @Override
    public void releaseResources() {
        try {
            closeFiles();
        } finally {
            dropSetAside();
        }
    }

    /** Closes every open file, also when closing one of them fails. */
    private void closeFiles() {
        leaveCurrent();
        if (current == null) {
            releaseCurrentWriter();
        }
        currentWriter_$eq(null);
        current = null;
        currentPartition = null;
        Throwable failure = null;
        for (OpenFile file : open.values()) {
            try {
                if (file.writer != null) {
                    file.writer.close();
                }
            } catch (RuntimeException e) {
                failure = failure == null ? e : failure;
            }
        }
        open.clear();
        if (failure != null) {
            throw Scala.sneaky(failure);
        }
    }

    /** Brings rows of one partition together: by a hash, since in which order partitions come is all the same. */
    private final class PartitionHash extends UnsafeExternalRowSorter.PrefixComputer {
        private final Prefix prefix = new Prefix();

        @Override
        public Prefix computePrefix(InternalRow row) {
            UnsafeRow partition = getPartitionValues().apply(row);
            prefix.value = XXH64.hashUnsafeWords(
                    partition.getBaseObject(), partition.getBaseOffset(), partition.getSizeInBytes(), 0);
            return prefix;
        }
    }

    /** Rows of one hash need no order; a partition that shares its hash with another only has more files. */
    private static final class AnyOrder extends RecordComparator {
        @Override
        public int compare(
                Object left, long leftOffset, int leftBytes, Object right, long rightOffset, int rightBytes) {
            return 0;
        }
    }
}
