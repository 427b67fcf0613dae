package dev.millrace.spark.text;

import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.Lower;
import org.apache.spark.sql.catalyst.expressions.Upper;
import org.apache.spark.sql.catalyst.expressions.objects.StaticInvoke;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.util.CollationFactory;
import org.apache.spark.sql.catalyst.util.CollationSupport;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.unsafe.types.UTF8String;
import org.jspecify.annotations.Nullable;

/**
 * {@code upper} and {@code lower}, which Spark looks up in a class that first prepares the letters of all languages, once
 * per process and while its first row waits. A text of ASCII letters alone
 * needs none of that; any other goes to Spark's.
 *
 * <p>Thread: any. Source: Spark's CollationAwareUTF8String.
 */
public final class AsciiCase {
    /** What tells an ASCII letter from its other case. */
    private static final int CASE_BIT = 0x20;

    private AsciiCase() {}

    /** Puts these in the places of Spark's in the streaming nodes of an optimised plan. */
    public static LogicalPlan replaceIn(LogicalPlan plan, SQLConf conf) {
        boolean byIcu = Scala.<Boolean>cast(conf.getConf(SQLConf.ICU_CASE_MAPPINGS_ENABLED()));
        return (LogicalPlan) plan.transform(
                Scala.<LogicalPlan>rule(LogicalPlan::isStreaming, node -> (LogicalPlan) node.transformExpressions(
                        Scala.<Expression>rule(AsciiCase::isReplaceable, expression -> replaced(expression, byIcu)))));
    }

    private static boolean isReplaceable(Expression expression) {
        return (expression instanceof Upper || expression instanceof Lower)
                && expression.dataType() instanceof StringType type
                && type.isUTF8BinaryCollation();
    }

    private static Expression replaced(Expression expression, boolean byIcu) {
        Expression text = expression instanceof Upper upper ? upper.child() : ((Lower) expression).child();
        return new StaticInvoke(
                AsciiCase.class,
                expression.dataType(),
                expression instanceof Upper ? "upper" : "lower",
                Scala.seq(List.of(text, Literal.create(byIcu, DataTypes.BooleanType))),
                Scala.seq(List.<DataType>of(text.dataType(), DataTypes.BooleanType)),
                true,
                false,
                true,
                Scala.none());
    }

    /** Called by generated code. {@code byIcu} is Spark's setting for texts that are not ASCII. */
    public static UTF8String upper(UTF8String text, boolean byIcu) {
        UTF8String plain = changed(text, 'a', 'z');
        return plain == null
                ? CollationSupport.Upper.exec(text, CollationFactory.UTF8_BINARY_COLLATION_ID, byIcu)
                : plain;
    }

    /** Called by generated code. {@code byIcu} is Spark's setting for texts that are not ASCII. */
    public static UTF8String lower(UTF8String text, boolean byIcu) {
        UTF8String plain = changed(text, 'A', 'Z');
        return plain == null
                ? CollationSupport.Lower.exec(text, CollationFactory.UTF8_BINARY_COLLATION_ID, byIcu)
                : plain;
    }

    /** The text with the other case of the letters from {@code first} to {@code last}, or null where it is not ASCII. */
    private static @Nullable UTF8String changed(UTF8String text, int first, int last) {
        byte[] letters = new byte[text.numBytes()];
        text.writeToMemory(letters, Platform.BYTE_ARRAY_OFFSET);
        for (int i = 0; i < letters.length; i++) {
            byte letter = letters[i];
            if (letter < 0) {
                return null;
            }
            if (letter >= first && letter <= last) {
                letters[i] = (byte) (letter ^ CASE_BIT);
            }
        }
        return UTF8String.fromBytes(letters);
    }
}
