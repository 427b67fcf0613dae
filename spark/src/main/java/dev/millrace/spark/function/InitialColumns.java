package dev.millrace.spark.function;

import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;

/**
 * What the rows of the static plan hold that state begins with.
 *
 * @param deserializer makes a state of the columns
 * @param columns of a row
 * @param grouping which of the columns are the key
 */
public record InitialColumns(Expression deserializer, List<Attribute> columns, List<Attribute> grouping)
        implements Serializable {
    private static final long serialVersionUID = 1L;
}
