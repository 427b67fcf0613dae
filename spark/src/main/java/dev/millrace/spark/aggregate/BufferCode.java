package dev.millrace.spark.aggregate;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.BindReferences;
import org.apache.spark.sql.catalyst.expressions.BoundReference;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.LeafExpression;
import org.apache.spark.sql.catalyst.expressions.codegen.CodeAndComment;
import org.apache.spark.sql.catalyst.expressions.codegen.CodeGenerator;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenContext;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenFallback;
import org.apache.spark.sql.catalyst.expressions.codegen.EmptyBlock$;
import org.apache.spark.sql.catalyst.expressions.codegen.ExprCode;
import org.apache.spark.sql.catalyst.expressions.codegen.ExprValue;
import org.apache.spark.sql.catalyst.expressions.codegen.FalseLiteral$;
import org.apache.spark.sql.catalyst.expressions.codegen.GenerateUnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.codegen.JavaCode;
import org.apache.spark.sql.catalyst.expressions.package$;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.internal.SQLConf$;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Generates the code of a {@link GeneratedBuffer}: Spark's expressions over fields that are read
 * straight from buffer, row and key. A projection over the two side by side decides for each field
 * which of them holds it, and took half as long again.
 *
 * <p>Source: Spark's whole-stage HashAggregateExec.
 */
final class BufferCode {
    private static final Logger LOG = LoggerFactory.getLogger(BufferCode.class);

    /** Larger methods are never compiled to machine code. */
    private static final int MAX_METHOD_BYTES = 8000;

    private final CodegenContext context = new CodegenContext();

    private BufferCode() {}

    /** The columns of one row variable in the code. */
    private record RowVariable(String name, List<Attribute> columns) {}

    /**
     * Code for declarative functions over a buffer.
     *
     * @param updates what each buffer field becomes, over buffer and row
     * @param results what the result row holds, over key and buffer
     * @return empty where Spark would not generate code either, or no code that is fast
     */
    static Optional<GeneratedBuffer> generate(
            List<Expression> updates,
            List<Expression> results,
            List<Attribute> key,
            List<Attribute> buffer,
            List<Attribute> row) {
        SQLConf conf = SQLConf$.MODULE$.get();
        if (!conf.wholeStageEnabled() || needsWholeRow(updates) || needsWholeRow(results)) {
            return Optional.empty();
        }
        BufferCode code = new BufferCode();
        String update = code.update(updates, new RowVariable("buffer", buffer), new RowVariable("row", row));
        String result = code.result(results, new RowVariable("key", key), new RowVariable("buffer", buffer));
        return code.compile(update, result, conf);
    }

    /** Whether an expression reads its input as one row, which generated code over fields does not have. */
    private static boolean needsWholeRow(List<Expression> expressions) {
        return expressions.stream()
                .anyMatch(expression -> expression.exists(
                        part -> part instanceof CodegenFallback && !(part instanceof LeafExpression)));
    }

    private String update(List<Expression> updates, RowVariable buffer, RowVariable row) {
        List<Expression> bound = bind(updates, buffer, row);
        StringBuilder body = new StringBuilder(readFields(bound, buffer, row));
        List<ExprCode> values = new ArrayList<>();
        for (Expression expression : bound) {
            ExprCode value = expression.genCode(context);
            body.append(value.code()).append('\n');
            values.add(value);
        }
        for (int i = 0; i < values.size(); i++) {
            Expression expression = bound.get(i);
            if (!isField(expression, i)) {
                body.append(CodeGenerator.updateColumn(
                                buffer.name(), expression.dataType(), i, values.get(i), expression.nullable(), false))
                        .append('\n');
            }
        }
        return body.toString();
    }

    /** Whether an expression is the buffer's own field, which need not be written back. */
    private static boolean isField(Expression expression, int index) {
        return expression instanceof BoundReference reference && reference.ordinal() == index;
    }

    private String result(List<Expression> results, RowVariable key, RowVariable buffer) {
        List<Expression> bound = bind(results, key, buffer);
        String fields = readFields(bound, key, buffer);
        ExprCode row = GenerateUnsafeProjection.createCode(context, Scala.seq(bound), false);
        return fields + row.code() + "\nreturn " + row.value() + ";\n";
    }

    private static List<Expression> bind(List<Expression> expressions, RowVariable left, RowVariable right) {
        List<Attribute> columns = new ArrayList<>(left.columns());
        columns.addAll(right.columns());
        List<Expression> bound = new ArrayList<>();
        for (Expression expression : expressions) {
            bound.add(
                    BindReferences.bindReference(expression, package$.MODULE$.AttributeSeq(Scala.seq(columns)), false));
        }
        return bound;
    }

    /** Reads the fields that are used into local variables, and tells the context of them. */
    private String readFields(List<Expression> bound, RowVariable left, RowVariable right) {
        Set<Integer> used = new HashSet<>();
        for (Expression expression : bound) {
            expression.foreach(part -> {
                if (part instanceof BoundReference reference) {
                    used.add(reference.ordinal());
                }
                return scala.runtime.BoxedUnit.UNIT;
            });
        }
        StringBuilder body = new StringBuilder();
        List<ExprCode> variables = new ArrayList<>();
        for (RowVariable row : List.of(left, right)) {
            for (int i = 0; i < row.columns().size(); i++) {
                boolean isUsed = used.contains(variables.size());
                variables.add(readField(row, i, isUsed ? body : new StringBuilder()));
            }
        }
        context.INPUT_ROW_$eq(null);
        context.currentVars_$eq(Scala.seq(variables));
        return body.toString();
    }

    private ExprCode readField(RowVariable row, int index, StringBuilder body) {
        Attribute column = row.columns().get(index);
        String value = context.freshName(row.name());
        String read = CodeGenerator.getValue(row.name(), column.dataType(), Integer.toString(index));
        String type = CodeGenerator.javaType(column.dataType());
        ExprValue variable = JavaCode.variable(value, column.dataType());
        if (!column.nullable()) {
            body.append("%s %s = %s;\n".formatted(type, value, read));
            return new ExprCode(EmptyBlock$.MODULE$, FalseLiteral$.MODULE$, variable);
        }
        String isNull = context.freshName(row.name() + "IsNull");
        String otherwise = CodeGenerator.defaultValue(column.dataType(), false);
        body.append("boolean %s = %s.isNullAt(%d);\n".formatted(isNull, row.name(), index));
        body.append("%s %s = %s ? %s : (%s);\n".formatted(type, value, isNull, otherwise, read));
        return new ExprCode(EmptyBlock$.MODULE$, JavaCode.isNullVariable(isNull), variable);
    }

    private Optional<GeneratedBuffer> compile(String update, String result, SQLConf conf) {
        String rowType = "org.apache.spark.sql.catalyst.expressions.UnsafeRow";
        String source =
                """
                public Object generate(Object[] references) {
                  return new SpecificBuffer(references);
                }
                final class SpecificBuffer extends %1$s {
                  private Object[] references;
                  %2$s
                  public SpecificBuffer(Object[] references) {
                    this.references = references;
                    %3$s
                    int partitionIndex = 0;
                    %4$s
                  }
                  public void update(%5$s buffer, %5$s row) {
                    %6$s
                  }
                  public %5$s result(%5$s key, %5$s buffer) {
                    %7$s
                  }
                  %8$s
                }
                """
                        .formatted(
                                GeneratedBuffer.class.getName(),
                                context.declareMutableStates(),
                                context.initMutableStates(),
                                context.initPartition(),
                                rowType,
                                update,
                                result,
                                context.declareAddedFunctions());
        try {
            var compiled = CodeGenerator.compile(new CodeAndComment(source, Scala.immutableMap(Map.of())));
            if (compiled._2().maxMethodCodeSize() > MAX_METHOD_BYTES) {
                return Optional.empty();
            }
            Object[] references = Scala.list(context.references()).toArray();
            return Optional.of((GeneratedBuffer) compiled._1().generate(references));
        } catch (Exception failure) {
            if (!conf.codegenFallback()) {
                throw failure;
            }
            LOG.warn("Aggregates without code of its own: the code does not compile.", failure);
            return Optional.empty();
        }
    }
}
