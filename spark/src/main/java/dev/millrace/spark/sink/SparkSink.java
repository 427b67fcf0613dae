package dev.millrace.spark.sink;

import dev.millrace.engine.sink.Sink;
import dev.millrace.engine.sink.SinkWriter;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.apache.spark.SparkEnv;
import org.apache.spark.serializer.SerializerInstance;
import org.apache.spark.sql.connector.write.PhysicalWriteInfoImpl;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;
import org.apache.spark.sql.execution.streaming.sources.ContinuousMemoryStreamingWrite;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * One of Spark's streaming writes as a sink of the engine. Every task has its own copy of the
 * writer factory, as on an executor: a {@code ForeachWriter} keeps its connection in fields.
 *
 * <p>One write serves all epochs, as its contract has it. {@code ContinuousMemorySink} alone ends its
 * write at a commit and so gets a new one for each epoch.
 *
 * <p>Thread: {@link #factory} any; the rest the query's.
 *
 * <p>Errors: SINK_FAILED, USER_CODE for a failing {@code ForeachWriter}.
 */
public final class SparkSink implements Sink {
    private static final Logger LOG = LoggerFactory.getLogger(SparkSink.class);
    private static final ClassTag<StreamingDataWriterFactory> FACTORY =
            ClassTag$.MODULE$.apply(StreamingDataWriterFactory.class);

    private final String name;
    private final int fieldCount;
    private final int taskCount;
    private final ClassLoader loader;
    private final Supplier<StreamingWrite> writes;

    /** The writes that are open, under the epoch that they began with. */
    private final TreeMap<Long, EpochWrite> open = new TreeMap<>();

    /** An open write, and what makes copies of its factory. */
    private record EpochWrite(StreamingWrite write, Supplier<StreamingDataWriterFactory> copies) {}

    /**
     * @param fieldCount columns of a row
     * @param taskCount how many writers there will be
     * @param loader sees the user's classes
     * @param writes makes a write; called on any thread
     */
    public SparkSink(String name, int fieldCount, int taskCount, ClassLoader loader, Supplier<StreamingWrite> writes) {
        this.name = name;
        this.fieldCount = fieldCount;
        this.taskCount = taskCount;
        this.loader = loader;
        this.writes = writes;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public SinkWriter writer(int taskIndex, int tasks) {
        return new SparkSinkWriter(this, taskIndex, fieldCount);
    }

    /** Opens the write of the first epoch, so that what is wrong with the sink shows before rows flow. */
    public void open(long epoch) {
        writeOf(epoch);
    }

    /** A copy of the epoch's factory that the caller alone uses. */
    StreamingDataWriterFactory factory(long epoch) {
        return writeOf(epoch).copies().get();
    }

    /** Whether the factory of one epoch serves all that follow. */
    synchronized boolean isSharedByEpochs() {
        return !open.isEmpty() && isShared(open.firstEntry().getValue());
    }

    /** Makes an epoch's rows visible. {@code messages} are its writers', in their order. */
    public void commit(long epoch, List<@Nullable Object> messages) {
        StreamingWrite write = writeOf(epoch).write();
        WriterCommitMessage[] array = new WriterCommitMessage[messages.size()];
        for (int i = 0; i < array.length; i++) {
            array[i] = (WriterCommitMessage) messages.get(i);
        }
        try {
            write.commit(epoch, array);
        } catch (Throwable t) {
            abort(write, epoch, array);
            throw SinkFailure.of(name, "commit epoch " + epoch, t);
        }
        closeBelow(epoch + 1);
    }

    /** Gives up what was written and not committed. {@code epoch} is the first that was not. */
    public void abort(long epoch) {
        List<EpochWrite> abandoned;
        synchronized (this) {
            abandoned = new ArrayList<>(open.values());
            open.clear();
        }
        for (EpochWrite write : abandoned) {
            abort(write.write(), epoch, new WriterCommitMessage[0]);
        }
    }

    private void abort(StreamingWrite write, long epoch, WriterCommitMessage[] messages) {
        try {
            write.abort(epoch, messages);
        } catch (RuntimeException e) {
            LOG.warn("Sink {} could not abort epoch {}.", name, epoch, e);
        }
    }

    private synchronized void closeBelow(long epoch) {
        open.headMap(epoch).values().removeIf(write -> !isShared(write));
    }

    private synchronized EpochWrite writeOf(long epoch) {
        var latest = open.floorEntry(epoch);
        if (latest != null && (latest.getKey() == epoch || isShared(latest.getValue()))) {
            return latest.getValue();
        }
        try {
            StreamingWrite write = writes.get();
            StreamingDataWriterFactory factory =
                    write.createStreamingWriterFactory(new PhysicalWriteInfoImpl(taskCount));
            ByteBuffer bytes = serializer().serialize(factory, FACTORY);
            EpochWrite made = new EpochWrite(write, () -> serializer().deserialize(bytes.duplicate(), loader, FACTORY));
            open.put(epoch, made);
            return made;
        } catch (Throwable t) {
            throw SinkFailure.of(name, "open", t);
        }
    }

    private static boolean isShared(EpochWrite write) {
        return !(write.write() instanceof ContinuousMemoryStreamingWrite);
    }

    private static SerializerInstance serializer() {
        return SparkEnv.get().closureSerializer().newInstance();
    }
}
