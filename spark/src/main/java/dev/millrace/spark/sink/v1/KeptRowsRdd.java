package dev.millrace.spark.sink.v1;

import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.Dependency;
import org.apache.spark.Partition;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.util.TaskCompletionListener;
import scala.collection.Iterator;
import scala.reflect.ClassTag$;

/** The rows of one epoch, a partition for each task that wrote some; to be read as often as one likes. */
final class KeptRowsRdd extends RDD<InternalRow> {
    private static final long serialVersionUID = 1L;

    private final RowFolder folder;
    private final transient List<KeptRows> parts;
    private final int fieldCount;

    KeptRowsRdd(SparkContext context, RowFolder folder, List<KeptRows> parts, int fieldCount) {
        super(context, Scala.<Dependency<?>>emptySeq(), ClassTag$.MODULE$.apply(InternalRow.class));
        this.folder = folder;
        this.parts = parts;
        this.fieldCount = fieldCount;
        setName("epoch's rows");
    }

    private record Part(int index, KeptRows rows) implements Partition {
        private static final long serialVersionUID = 1L;
    }

    @Override
    public Partition[] getPartitions() {
        Partition[] partitions = new Partition[parts.size()];
        for (int i = 0; i < partitions.length; i++) {
            partitions[i] = new Part(i, parts.get(i));
        }
        return partitions;
    }

    @Override
    public Iterator<InternalRow> compute(Partition split, TaskContext context) {
        KeptRowsIterator rows = new KeptRowsIterator(folder, ((Part) split).rows(), fieldCount);
        TaskCompletionListener close = done -> rows.close();
        context.addTaskCompletionListener(close);
        return rows;
    }
}
