package dev.millrace.kafka.sink;

import dev.millrace.engine.epoch.Ballot;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.SparkEnv;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.PhysicalWriteInfoImpl;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.unsafe.types.UTF8String;
import org.jspecify.annotations.Nullable;
import scala.reflect.ClassTag$;

/**
 * One attempt of a query that writes one text column, driven as the engine drives it: writers from a factory that
 * went through bytes, messages that did so too.
 */
final class Attempt {
    private static final AtomicLong BALLOTS = new AtomicLong();

    private final TransactionalWrite write;
    private final int taskCount;
    private final Ballot ballot = new Ballot(BALLOTS.incrementAndGet(), "run-" + UUID.randomUUID());
    private @Nullable StreamingDataWriterFactory factory;

    /** One that claims a ballot above those of all that were made before. */
    Attempt(TransactionSettings settings, int taskCount) {
        this.write = TransactionalWrite.open(settings);
        this.taskCount = taskCount;
    }

    /** Fences and aborts, as the engine does before the first writer. */
    Attempt takeOver() {
        takingOver().run();
        return this;
    }

    /** What fences and aborts, for an engine that sleeps before it does. */
    Runnable takingOver() {
        Runnable unfinished = write.unfinished(ballot);
        factory = copy(write.createStreamingWriterFactory(new PhysicalWriteInfoImpl(taskCount)));
        return unfinished;
    }

    /** Writes an epoch's rows of one task and leaves the transaction open. */
    DataWriter<InternalRow> begin(int task, long epoch, String... values) throws Exception {
        DataWriter<InternalRow> writer = Objects.requireNonNull(factory).createWriter(task, task, epoch);
        for (String value : values) {
            writer.write(row(value));
        }
        return writer;
    }

    /** Writes an epoch's rows of one task and prepares them. */
    WriterCommitMessage prepare(int task, long epoch, String... values) throws Exception {
        DataWriter<InternalRow> writer = begin(task, epoch, values);
        WriterCommitMessage message = writer.commit();
        writer.close();
        return copy(message);
    }

    void commit(long epoch, WriterCommitMessage... messages) {
        write.commit(epoch, messages);
    }

    /** Gives an epoch up that is never to be decided. */
    void giveUp(long epoch, @Nullable WriterCommitMessage... messages) {
        write.abort(epoch, messages);
    }

    /** Loses the producers, as a process that is killed does: the broker hears nothing. */
    void crash() {
        write.end(false);
    }

    static InternalRow row(String value) {
        return new GenericInternalRow(new Object[] {UTF8String.fromString(value)});
    }

    private static <T> T copy(T value) {
        var serializer = SparkEnv.get().closureSerializer().newInstance();
        return serializer.deserialize(
                serializer.serialize(value, ClassTag$.MODULE$.apply(Object.class)),
                Attempt.class.getClassLoader(),
                ClassTag$.MODULE$.apply(Object.class));
    }
}
