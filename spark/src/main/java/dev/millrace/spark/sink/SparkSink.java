package dev.millrace.spark.sink;

import dev.millrace.engine.epoch.Ballot;
import dev.millrace.engine.epoch.SinkCommit;
import dev.millrace.engine.sink.PlannedSink;
import dev.millrace.engine.sink.Sink;
import dev.millrace.spark.fragment.TaskCopies;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.NavigableMap;
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
 * One of Spark's streaming writes as a sink of the engine, in the driver: opens the write, plans its writers, and
 * commits what they have prepared or gives it up.
 *
 * <p>One write serves all epochs, as its contract has it. {@code ContinuousMemorySink} alone ends its
 * write at a commit and so gets a new one for each epoch.
 *
 * <p>Thread: {@link #prepared} and {@link #factoryOf} any; the rest the query's.
 *
 * <p>Errors: SINK_FAILED, USER_CODE for a failing {@code ForeachWriter}.
 */
public final class SparkSink implements Sink, SinkCommit {
    private static final Logger LOG = LoggerFactory.getLogger(SparkSink.class);
    private static final ClassTag<WriterCommitMessage[]> MESSAGES =
            ClassTag$.MODULE$.apply(WriterCommitMessage[].class);

    private final String name;
    private final int fieldCount;
    private final ClassLoader loader;
    private final Supplier<StreamingWrite> writes;

    /** The writes that are open, under the epoch that they began with. */
    private final TreeMap<Long, EpochWrite> open = new TreeMap<>();

    /** What writers have prepared and is not known to be decided: under its epoch, in the tasks' order. */
    private final TreeMap<Long, WriterCommitMessage[]> prepared = new TreeMap<>();

    /** How many writers the attempt under way has. */
    private int taskCount;

    /** The last epoch that came to its decision, whatever came of that. */
    private long lastTried = -1;

    /** The last epoch that is committed, as far as this process knows. */
    private long lastCommitted = -1;

    /** An open write, and what makes copies of its factory, once a writer is wanted. */
    private final class EpochWrite {
        private final StreamingWrite write;
        private @Nullable TaskCopies<StreamingDataWriterFactory> factories;

        EpochWrite(StreamingWrite write) {
            this.write = write;
        }

        TaskCopies<StreamingDataWriterFactory> factories() {
            TaskCopies<StreamingDataWriterFactory> made = factories;
            if (made == null) {
                made = TaskCopies.of(write.createStreamingWriterFactory(new PhysicalWriteInfoImpl(taskCount)));
                factories = made;
            }
            return made;
        }
    }

    /**
     * @param fieldCount columns of a row
     * @param loader sees the user's classes
     * @param writes makes a write; called on any thread
     */
    public SparkSink(String name, int fieldCount, ClassLoader loader, Supplier<StreamingWrite> writes) {
        this.name = name;
        this.fieldCount = fieldCount;
        this.loader = loader;
        this.writes = writes;
    }

    @Override
    public String name() {
        return name;
    }

    /**
     * Opens the write of an attempt's first epoch, so that what is wrong with the sink shows before rows flow.
     *
     * @param tasks how many writers the attempt has
     */
    public synchronized void open(long epoch, int tasks) {
        taskCount = tasks;
        StreamingDataWriterFactory unused = factoryOf(epoch, loader);
    }

    /** The writers of the attempt whose first epoch is open. */
    @Override
    public synchronized PlannedSink plan() {
        EpochWrite first = open.firstEntry().getValue();
        return new PlannedWriters(
                name,
                fieldCount,
                isShared(first)
                        ? new WriterFactories.OfAllEpochs(first.factories())
                        : new WriterFactories.OfEachEpoch(this));
    }

    /** A copy of an epoch's factory that the caller alone uses. */
    synchronized StreamingDataWriterFactory factoryOf(long epoch, ClassLoader classes) {
        try {
            return writeOf(epoch).factories().copy(classes);
        } catch (Throwable t) {
            throw SinkFailure.of(name, "open", t);
        }
    }

    @Override
    public synchronized void prepared(long epoch, int taskIndex, @Nullable Object message) {
        prepared.computeIfAbsent(epoch, made -> new WriterCommitMessage[taskCount])[taskIndex] =
                (WriterCommitMessage) message;
    }

    /**
     * What commits an epoch: its writers' messages, in their order, as bytes. From now on the epoch may be
     * decided.
     */
    public byte[] pack(long epoch, List<@Nullable Object> messages) {
        synchronized (this) {
            lastTried = epoch;
        }
        WriterCommitMessage[] array = new WriterCommitMessage[messages.size()];
        for (int i = 0; i < array.length; i++) {
            array[i] = (WriterCommitMessage) messages.get(i);
        }
        try {
            ByteBuffer buffer = serializer().serialize(array, MESSAGES);
            byte[] bytes = new byte[buffer.remaining()];
            buffer.get(bytes);
            return bytes;
        } catch (Throwable t) {
            throw SinkFailure.of(name, "keep the messages of its writers", t);
        }
    }

    @Override
    public void commit(long epoch, byte[] messages) {
        synchronized (this) {
            prepared.headMap(epoch, true).clear();
        }
        try {
            WriterCommitMessage[] array = serializer().deserialize(ByteBuffer.wrap(messages), loader, MESSAGES);
            writeOf(epoch).write.commit(epoch, array);
        } catch (Throwable t) {
            // Not aborted: the epoch is decided, and is committed again.
            throw SinkFailure.of(name, "commit epoch " + epoch, t);
        }
        committed(epoch);
    }

    private synchronized void committed(long epoch) {
        lastCommitted = epoch;
        open.headMap(epoch + 1).values().removeIf(write -> !isShared(write));
    }

    @Override
    public synchronized Runnable unfinished(long firstEpoch, Ballot ballot) {
        try {
            Runnable found = writeOf(firstEpoch).write instanceof RecoverableWrite recoverable
                    ? recoverable.unfinished(ballot)
                    : () -> {};
            return () -> giveUp(firstEpoch, found);
        } catch (Throwable t) {
            throw notGivenUp(t);
        }
    }

    private synchronized void giveUp(long firstEpoch, Runnable found) {
        prepared.tailMap(firstEpoch).forEach((epoch, messages) -> abort(writeOf(epoch).write, epoch, messages));
        prepared.clear();
        lastTried = firstEpoch - 1;
        lastCommitted = lastTried;
        try {
            found.run();
        } catch (Throwable t) {
            throw notGivenUp(t);
        }
    }

    private RuntimeException notGivenUp(Throwable cause) {
        return SinkFailure.of(name, "give up what was not committed", cause);
    }

    /**
     * Ends an attempt: gives up what was prepared and has never come to a decision, and closes. What is given up
     * comes with its messages, those of writers that did not get so far being null; where nothing is left, a write
     * hears of the epoch under way, without messages. An epoch whose decision was tried may be decided although
     * that failed: nobody is told to give it up before {@link #unfinished}, nor anything else while it or its
     * commit is outstanding, lest a write give up all that it has prepared.
     *
     * @param epoch the first that is not known to be decided
     */
    public synchronized void abort(long epoch) {
        NavigableMap<Long, WriterCommitMessage[]> untried = prepared.tailMap(lastTried, false);
        boolean isOutstanding = lastTried > lastCommitted;
        boolean isSettled = !isOutstanding && untried.isEmpty();
        untried.forEach((given, messages) -> abort(writeOf(given).write, given, messages));
        untried.clear();
        for (EpochWrite each : open.values()) {
            if (each.write instanceof RecoverableWrite recoverable) {
                end(recoverable, isSettled);
            } else if (isSettled) {
                abort(each.write, Math.max(epoch, lastTried + 1), new WriterCommitMessage[0]);
            }
        }
        open.clear();
    }

    private void end(RecoverableWrite write, boolean isSettled) {
        try {
            write.end(isSettled);
        } catch (RuntimeException e) {
            LOG.warn("Sink {} could not end an attempt.", name, e);
        }
    }

    private void abort(StreamingWrite write, long epoch, WriterCommitMessage[] messages) {
        try {
            write.abort(epoch, messages);
        } catch (RuntimeException e) {
            LOG.warn("Sink {} could not abort epoch {}.", name, epoch, e);
        }
    }

    private synchronized EpochWrite writeOf(long epoch) {
        var latest = open.floorEntry(epoch);
        if (latest != null && (latest.getKey() == epoch || isShared(latest.getValue()))) {
            return latest.getValue();
        }
        try {
            EpochWrite made = new EpochWrite(writes.get());
            open.put(epoch, made);
            return made;
        } catch (Throwable t) {
            throw SinkFailure.of(name, "open", t);
        }
    }

    private static boolean isShared(EpochWrite write) {
        return !(write.write instanceof ContinuousMemoryStreamingWrite);
    }

    private static SerializerInstance serializer() {
        return SparkEnv.get().closureSerializer().newInstance();
    }
}
