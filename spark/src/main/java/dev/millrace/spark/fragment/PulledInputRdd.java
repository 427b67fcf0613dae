package dev.millrace.spark.fragment;

import dev.millrace.spark.scala.Scala;
import java.util.Objects;
import org.apache.spark.Dependency;
import org.apache.spark.Partition;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.jspecify.annotations.Nullable;
import scala.collection.Iterator;
import scala.reflect.ClassTag$;

/** Reads what the calling thread hands in: the iterator chain above is opened on the thread that drains it. */
final class PulledInputRdd extends RDD<InternalRow> {
    private static final long serialVersionUID = 1L;

    private static final ThreadLocal<@Nullable Iterator<InternalRow>> HANDED_IN = new ThreadLocal<>();

    PulledInputRdd(SparkContext context) {
        super(context, Scala.<Dependency<?>>emptySeq(), ClassTag$.MODULE$.apply(InternalRow.class));
    }

    private record Part(int index) implements Partition {}

    /** Opens the iterator of one partition of {@code top}, which reads {@code input}. */
    static Iterator<InternalRow> open(
            RDD<InternalRow> top, int taskIndex, TaskContext context, Iterator<InternalRow> input) {
        HANDED_IN.set(input);
        try {
            return top.iterator(top.partitions()[taskIndex], context);
        } finally {
            HANDED_IN.remove();
        }
    }

    /** One for each task of the stage, however many the dataflow has that runs it; planned outside of any. */
    @Override
    public Partition[] getPartitions() {
        TaskContext task = TaskContext.get();
        Partition[] parts = new Partition[task == null ? 1 : task.numPartitions()];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = new Part(i);
        }
        return parts;
    }

    @Override
    public Iterator<InternalRow> compute(Partition split, TaskContext context) {
        return Objects.requireNonNull(HANDED_IN.get(), "the input of a pulled fragment");
    }
}
