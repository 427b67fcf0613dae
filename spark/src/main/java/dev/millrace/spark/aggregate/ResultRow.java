package dev.millrace.spark.aggregate;

import dev.millrace.engine.page.RowView;
import dev.millrace.spark.fragment.Rows;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.catalyst.expressions.MutableProjection;
import org.apache.spark.sql.catalyst.expressions.SpecificInternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.types.DataType;
import org.jspecify.annotations.Nullable;

/**
 * Makes the result row of a key and its buffer. Where all functions are declarative, one projection
 * goes from key and buffer straight to the result; otherwise the functions' results are gathered first.
 *
 * <p>Thread: the owning task. Lifetime: a result is valid until the next one.
 */
final class ResultRow {
    private final FunctionSet functions;
    private final UnsafeRow key;
    private final JoinedRow joined = new JoinedRow();
    private final RowView view = new RowView();
    private final UnsafeProjection projection;
    private final @Nullable MutableProjection evaluation;
    private final SpecificInternalRow evaluated;

    ResultRow(AggregateSpecification specification, FunctionSet functions) {
        this.functions = functions;
        this.key = new UnsafeRow(specification.keys().size());
        List<DataType> resultTypes = new ArrayList<>();
        for (AggregateExpression expression : specification.aggregates()) {
            resultTypes.add(expression.aggregateFunction().dataType());
        }
        evaluated = new SpecificInternalRow(Scala.<DataType>seq(resultTypes));
        List<Attribute> input = new ArrayList<>(specification.keys());
        List<Expression> results = new ArrayList<>(Scala.<List<Expression>>cast(specification.results()));
        if (functions.hasImperatives()) {
            for (AggregateExpression expression : specification.aggregates()) {
                input.add(expression.resultAttribute());
            }
            evaluation = MutableProjection.create(
                    Scala.seq(functions.evaluations()), Scala.seq(functions.bufferAttributes()));
            evaluation.target(evaluated);
        } else {
            input.addAll(functions.bufferAttributes());
            results = inlined(specification, functions);
            evaluation = null;
        }
        projection = UnsafeProjection.create(Scala.seq(results), Scala.seq(input));
        projection.initialize(0);
    }

    /** The results with the expression of each function in the place of its result; all are declarative. */
    static List<Expression> inlined(AggregateSpecification specification, FunctionSet functions) {
        List<Expression> results = new ArrayList<>(Scala.<List<Expression>>cast(specification.results()));
        results.replaceAll(inlining(specification, functions));
        return results;
    }

    private static UnaryOperator<Expression> inlining(AggregateSpecification specification, FunctionSet functions) {
        Map<Long, Expression> evaluations = new HashMap<>();
        for (int i = 0; i < specification.aggregates().size(); i++) {
            evaluations.put(
                    specification.aggregates().get(i).resultId().id(),
                    functions.evaluations().get(i));
        }
        var rule = Scala.<Expression>rule(
                part -> part instanceof Attribute attribute
                        && evaluations.containsKey(attribute.exprId().id()),
                part -> evaluations.get(((Attribute) part).exprId().id()));
        return result -> (Expression) result.transform(rule);
    }

    RowView of(RowView keyBytes, InternalRow buffer) {
        Rows.point(key, keyBytes);
        InternalRow right = buffer;
        if (evaluation != null) {
            evaluation.apply(buffer);
            functions.evaluateImperatives(buffer, evaluated);
            right = evaluated;
        }
        return Rows.point(view, projection.apply(joined.apply(key, right)));
    }
}
