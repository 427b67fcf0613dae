package dev.millrace.spark.plan;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.expressions.XXH64;
import org.apache.spark.sql.execution.ExecSubqueryExpression;
import org.apache.spark.sql.execution.InSubqueryExec;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.exchange.BroadcastExchangeLike;
import org.apache.spark.sql.execution.joins.EmptyHashedRelation$;
import org.apache.spark.sql.execution.joins.HashedRelation;
import org.apache.spark.sql.execution.joins.HashedRelationWithAllNullKeys$;
import org.apache.spark.sql.execution.joins.LongHashedRelation;
import org.jspecify.annotations.Nullable;
import scala.collection.Iterator;
import scala.runtime.BoxedUnit;

/**
 * What a plan took from tables that do not stream: the static sides of its joins and the values of its subqueries.
 * Two plans of one query are equal here when they took the same, in whatever order rows came.
 */
public final class StaticSides {
    private final List<@Nullable Object> contents;

    private StaticSides(List<@Nullable Object> contents) {
        this.contents = contents;
    }

    /** A table's rows in no order: how many there are, and the sum of their hashes. */
    private record Rows(long count, long hash) {}

    /** What {@code plan} took. Its static sides have been computed, or are now. Errors: Spark's own. */
    static StaticSides of(SparkPlan plan) {
        List<@Nullable Object> contents = new ArrayList<>();
        collect(plan, contents);
        return new StaticSides(contents);
    }

    /** Whether the query reads streams alone. */
    public boolean isEmpty() {
        return contents.isEmpty();
    }

    private static void collect(SparkPlan node, List<@Nullable Object> contents) {
        if (node instanceof BroadcastExchangeLike) {
            contents.add(table(node.executeBroadcast().value()));
            return;
        }
        for (Expression expression : Scala.<Expression>list(node.expressions())) {
            expression.foreach(part -> {
                if (part instanceof ExecSubqueryExpression subquery) {
                    contents.add(value(subquery));
                }
                return BoxedUnit.UNIT;
            });
        }
        for (SparkPlan child : PhysicalPlans.children(node)) {
            collect(child, contents);
        }
    }

    private static @Nullable Object value(ExecSubqueryExpression subquery) {
        if (subquery instanceof InSubqueryExec in) {
            return in.values().isDefined()
                    ? new HashSet<>(Arrays.asList((Object[]) in.values().get()))
                    : null;
        }
        return ((Expression) subquery).eval(null);
    }

    private static Object table(Object broadcast) {
        if (broadcast == HashedRelationWithAllNullKeys$.MODULE$ || broadcast == EmptyHashedRelation$.MODULE$) {
            return broadcast; // neither can tell its rows
        }
        Tally tally = new Tally();
        if (broadcast instanceof InternalRow[] rows) {
            for (InternalRow row : rows) {
                tally.add(row);
            }
        } else {
            tally.addAll(((HashedRelation) broadcast).asReadOnlyCopy());
        }
        return new Rows(tally.count, tally.hash);
    }

    /** Adds rows up. */
    private static final class Tally {
        private long count;
        private long hash;

        /** A relation's values are the rows of its table, its keys read from them. */
        void addAll(HashedRelation relation) {
            if (relation instanceof LongHashedRelation) {
                Iterator<InternalRow> keys = relation.keys();
                while (keys.hasNext()) {
                    Iterator<InternalRow> values = relation.get(keys.next());
                    while (values.hasNext()) {
                        add(values.next());
                    }
                }
                return;
            }
            var values = relation.valuesWithKeyIndex();
            while (values.hasNext()) {
                add(values.next().getValue());
            }
        }

        void add(InternalRow row) {
            UnsafeRow bytes = (UnsafeRow) row;
            count++;
            hash += XXH64.hashUnsafeBytes(bytes.getBaseObject(), bytes.getBaseOffset(), bytes.getSizeInBytes(), 0);
        }
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof StaticSides sides && contents.equals(sides.contents);
    }

    @Override
    public int hashCode() {
        return contents.hashCode();
    }
}
