package dev.millrace.spark.json;

import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.JsonToStructs;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.objects.Invoke;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.ObjectType;

/**
 * Puts {@link JsonReader} in the place of {@code from_json}. Spark evaluates its own outside of generated code, and makes
 * a decoder and a parser for every row; this one is called by generated code.
 *
 * <p>Thread: the query's.
 */
public final class FastJson {
    private FastJson() {}

    /** Replaces what it can in the streaming nodes of an optimised plan; types and answers stay what they were. */
    public static LogicalPlan replaceIn(LogicalPlan plan, SQLConf conf) {
        return (LogicalPlan) plan.transform(Scala.<LogicalPlan>rule(
                LogicalPlan::isStreaming, node -> (LogicalPlan) node.transformExpressions(Scala.<Expression>rule(
                        JsonToStructs.class::isInstance, json -> replaced((JsonToStructs) json, conf)))));
    }

    private static Expression replaced(JsonToStructs json, SQLConf conf) {
        JsonReader reader = JsonReader.of(json, conf.columnNameOfCorruptRecord());
        if (reader == null) {
            return json;
        }
        return new Invoke(
                Literal.create(reader, new ObjectType(JsonReader.class)),
                "evaluate",
                json.dataType(),
                Scala.seq(List.of(json.child())),
                Scala.seq(List.of(json.child().dataType())),
                true,
                true,
                true);
    }
}
