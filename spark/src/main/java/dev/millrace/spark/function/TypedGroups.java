package dev.millrace.spark.function;

import dev.millrace.spark.scala.Scala;
import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.execution.ObjectOperator$;
import scala.Function1;

/**
 * How the keys, values and results of user code over groups become objects and rows.
 *
 * @param keyDeserializer makes a key of the grouping columns
 * @param valueDeserializer makes a value of the input's columns
 * @param grouping the columns that are the key
 * @param input the columns of a row that comes in
 * @param serializer makes a result's columns
 */
public record TypedGroups(
        Expression keyDeserializer,
        Expression valueDeserializer,
        List<Attribute> grouping,
        List<Attribute> input,
        List<NamedExpression> serializer)
        implements Serializable {
    private static final long serialVersionUID = 1L;

    /** What makes a key of a row of the grouping columns. */
    Function1<InternalRow, Object> keys() {
        return ObjectOperator$.MODULE$.deserializeRowToObject(keyDeserializer, Scala.seq(grouping));
    }

    /** What makes a value of a row that came in. */
    Function1<InternalRow, Object> values() {
        return ObjectOperator$.MODULE$.deserializeRowToObject(valueDeserializer, Scala.seq(input));
    }

    /** What makes a row of a result. */
    Results results() {
        return new Results(
                UnsafeProjection.create(Scala.<scala.collection.immutable.Seq<Expression>>cast(Scala.seq(serializer))));
    }

    /** Makes rows of results. Lifetime: a row is valid until the next one is made. */
    static final class Results {
        private final UnsafeProjection projection;
        private final Object[] result = new Object[1];
        private final GenericInternalRow holder = new GenericInternalRow(result);

        private Results(UnsafeProjection projection) {
            this.projection = projection;
        }

        UnsafeRow row(Object object) {
            result[0] = object;
            return projection.apply(holder);
        }
    }
}
