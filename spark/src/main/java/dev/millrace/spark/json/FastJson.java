package dev.millrace.spark.json;

import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.JsonToStructs;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.json.StructsToJsonEvaluator;
import org.apache.spark.sql.catalyst.expressions.objects.Invoke;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.ObjectType;

/**
 * Puts {@link JsonReader} in the place of {@code from_json}, and {@link JsonWriter} in that of {@code to_json}. Spark
 * evaluates its own {@code from_json} outside of generated code, and makes a decoder and a parser for every row; this one
 * is called by generated code.
 *
 * <p>Thread: the query's.
 */
public final class FastJson {
    private FastJson() {}

    /** Replaces what it can in the streaming nodes of an optimised plan; types and answers stay what they were. */
    public static LogicalPlan replaceIn(LogicalPlan plan, SQLConf conf) {
        return (LogicalPlan) JsonOnce.rewriteIn(plan, conf)
                .transform(Scala.<LogicalPlan>rule(
                        LogicalPlan::isStreaming,
                        node -> (LogicalPlan) node.transformExpressions(Scala.<Expression>rule(
                                json -> json instanceof JsonToStructs || writesJson(json),
                                json -> json instanceof JsonToStructs reading
                                        ? replaced(reading, conf)
                                        : replaced((Invoke) json)))));
    }

    /** Whether an expression is what Spark's optimiser makes of {@code to_json}. */
    private static boolean writesJson(Expression expression) {
        return expression instanceof Invoke call
                && call.targetObject() instanceof Literal target
                && target.value() instanceof StructsToJsonEvaluator;
    }

    private static Expression replaced(Invoke json) {
        JsonWriter writer = JsonWriter.of((StructsToJsonEvaluator) ((Literal) json.targetObject()).value());
        return writer == null ? json : call(writer, "evaluate", json.dataType(), Scala.list(json.arguments()), true);
    }

    private static Expression replaced(JsonToStructs json, SQLConf conf) {
        JsonReader reader = JsonReader.of(json, conf.columnNameOfCorruptRecord());
        return reader == null ? json : call(reader, "evaluate", json.dataType(), List.of(json.child()), true);
    }

    /**
     * A call of an object of this package by generated code.
     *
     * @param ofNulls whether null is the answer where an argument is null, without a call
     */
    static Expression call(Object target, String method, DataType answer, List<Expression> arguments, boolean ofNulls) {
        return new Invoke(
                Literal.create(target, new ObjectType(target.getClass())),
                method,
                answer,
                Scala.seq(arguments),
                Scala.seq(arguments.stream().map(Expression::dataType).toList()),
                ofNulls,
                true,
                true);
    }
}
