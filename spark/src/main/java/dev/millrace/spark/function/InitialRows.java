package dev.millrace.spark.function;

import dev.millrace.engine.exchange.KeyGroups;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.page.RowView;
import java.io.Serializable;
import java.util.List;
import org.apache.spark.SparkContext;
import org.apache.spark.broadcast.Broadcast;
import scala.reflect.ClassTag$;

/**
 * The rows of the static plan that state begins with, by key group. Read by the tasks of a query's
 * first start, each those that it owns.
 *
 * <p>Thread: any.
 */
public final class InitialRows implements Serializable {
    private static final long serialVersionUID = 1L;

    /** Spread by Spark, so that they are not sent along with each plan. */
    private final Broadcast<List<List<byte[]>>> byKeyGroup;

    private InitialRows(Broadcast<List<List<byte[]>>> byKeyGroup) {
        this.byKeyGroup = byKeyGroup;
    }

    /** @param byKeyGroup for each key group its rows */
    public static InitialRows spread(SparkContext context, List<List<byte[]>> byKeyGroup) {
        return new InitialRows(context.broadcast(byKeyGroup, ClassTag$.MODULE$.apply(List.class)));
    }

    /** Takes a row. */
    @FunctionalInterface
    interface Reader {
        void row(int keyGroup, RowView row);
    }

    /** Gives the rows that a task owns, key group by key group. */
    void read(OperatorContext context, Reader reader) {
        RowView view = new RowView();
        List<List<byte[]>> all = byKeyGroup.value();
        for (int keyGroup = 0; keyGroup < all.size(); keyGroup++) {
            if (KeyGroups.owner(keyGroup, context.keyGroupCount(), context.taskCount()) == context.taskIndex()) {
                for (byte[] row : all.get(keyGroup)) {
                    reader.row(keyGroup, view.pointTo(row, 0, row.length));
                }
            }
        }
    }
}
