package dev.millrace.spark.fragment;

import dev.millrace.engine.operator.PulledFragment;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.scala.Scala;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.execution.SparkPlan;
import org.jspecify.annotations.Nullable;
import scala.collection.AbstractIterator;
import scala.collection.Iterator;

/**
 * Runs a piece of a plan as Spark would, through its RDD's iterators, over an input that blocks until
 * the epoch's end. For what cannot be driven row by row, such as {@code mapPartitions}.
 *
 * <p>Thread: the fragment's own, which has a TaskContext.
 */
public final class RddFragment implements PulledFragment {
    private final TaskCopies<RDD<InternalRow>> rdds;
    private final int taskIndex;
    private final int inputFieldCount;
    private @Nullable RDD<InternalRow> rdd;

    private RddFragment(TaskCopies<RDD<InternalRow>> rdds, int taskIndex, int inputFieldCount) {
        this.rdds = rdds;
        this.taskIndex = taskIndex;
        this.inputFieldCount = inputFieldCount;
    }

    /** Makes one fragment per task, each with its own copy of the user's functions. */
    public static final class Factory implements PulledFragment.Factory {
        private static final long serialVersionUID = 1L;

        private final TaskCopies<RDD<InternalRow>> rdds;
        private final int inputFieldCount;
        private final String name;

        /**
         * @param plan what is run, above one {@link PulledInputExec}
         * @param inputFieldCount columns of a row that comes in
         */
        public Factory(SparkPlan plan, int inputFieldCount, String name) {
            RDD<InternalRow> rdd = plan.execute();
            // Without this call a serialized RDD has lost its dependencies.
            rdd.partitions();
            this.rdds = TaskCopies.of(rdd);
            this.inputFieldCount = inputFieldCount;
            this.name = name;
        }

        @Override
        public PulledFragment create(int taskIndex, int taskCount) {
            return new RddFragment(rdds, taskIndex, inputFieldCount);
        }

        @Override
        public String name() {
            return name;
        }
    }

    @Override
    public RowIterator open(RowIterator input) {
        Clock.tick().advance();
        RDD<InternalRow> own = rdd;
        if (own == null) {
            own = rdds.copy();
            rdd = own;
        }
        Iterator<InternalRow> rows =
                PulledInputRdd.open(own, taskIndex, TaskContext.get(), new InputRows(input, inputFieldCount));
        return new OutputRows(rows);
    }

    /** The engine's blocking rows as Spark's iterators want them. */
    private static final class InputRows extends AbstractIterator<InternalRow> {
        private final RowIterator rows;
        private final UnsafeRow row;
        private final Clock.Tick tick = Clock.tick();

        InputRows(RowIterator rows, int fieldCount) {
            this.rows = rows;
            this.row = new UnsafeRow(fieldCount);
        }

        @Override
        public boolean hasNext() {
            try {
                return rows.hasNext();
            } catch (Exception failure) {
                throw Scala.sneaky(failure);
            }
        }

        @Override
        public InternalRow next() {
            tick.advance();
            try {
                return Rows.point(row, rows.next());
            } catch (Exception failure) {
                throw Scala.sneaky(failure);
            }
        }
    }

    /** Spark's rows as the engine wants them. */
    private static final class OutputRows implements RowIterator {
        private final Iterator<InternalRow> rows;
        private final RowView view = new RowView();

        OutputRows(Iterator<InternalRow> rows) {
            this.rows = rows;
        }

        @Override
        public boolean hasNext() {
            return rows.hasNext();
        }

        @Override
        public RowView next() {
            return Rows.point(view, (UnsafeRow) rows.next());
        }
    }
}
