package dev.millrace.spark.plan;

import java.util.regex.Pattern;
import org.apache.spark.sql.catalyst.expressions.Expression;

/**
 * An expression as operators are named by it, also in a checkpoint: the same text in every run of a query. Spark
 * names the parts that it computes once by a number that it counts up as long as its process lives.
 */
final class ExpressionText {
    private static final Pattern COUNTED_NAME = Pattern.compile("_common_expr_\\d+");

    private ExpressionText() {}

    static String of(Expression expression) {
        return COUNTED_NAME.matcher(expression.sql()).replaceAll("_common_expr");
    }
}
