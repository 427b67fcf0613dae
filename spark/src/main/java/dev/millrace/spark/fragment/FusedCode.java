package dev.millrace.spark.fragment;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import java.io.Serializable;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.catalyst.expressions.codegen.CodeAndComment;
import org.apache.spark.sql.catalyst.expressions.codegen.CodeGenerator;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenContext;
import org.apache.spark.sql.execution.BufferedRowIterator;
import org.apache.spark.sql.execution.DeserializeToObjectExec;
import org.apache.spark.sql.execution.ExpandExec;
import org.apache.spark.sql.execution.FilterExec;
import org.apache.spark.sql.execution.GenerateExec;
import org.apache.spark.sql.execution.InputAdapter;
import org.apache.spark.sql.execution.MapElementsExec;
import org.apache.spark.sql.execution.ProjectExec;
import org.apache.spark.sql.execution.SerializeFromObjectExec;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.WholeStageCodegenExec;
import org.apache.spark.sql.execution.joins.BroadcastHashJoinExec;
import org.apache.spark.sql.execution.joins.BroadcastNestedLoopJoinExec;
import org.apache.spark.sql.internal.SQLConf;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.util.control.NonFatal$;

/**
 * The code that Spark generated for a whole stage of operators, generated once per plan.
 *
 * @param source the Java source; Spark compiles a source once per process
 * @param references what the source refers to, a copy for each task
 * @param inputFieldCount columns of a row that comes in
 */
public record FusedCode(CodeAndComment source, TaskCopies<Object[]> references, int inputFieldCount)
        implements Serializable {
    private static final Logger LOG = LoggerFactory.getLogger(FusedCode.class);

    /**
     * The operators whose generated code goes on rightly after its input was found dry. Others keep a
     * latch (Scala's flatMap), or hold rows back until the end (sorts, aggregates, limits).
     */
    private static final List<Class<? extends SparkPlan>> REFILLABLE = List.of(
            ProjectExec.class,
            FilterExec.class,
            GenerateExec.class,
            ExpandExec.class,
            BroadcastHashJoinExec.class,
            BroadcastNestedLoopJoinExec.class,
            DeserializeToObjectExec.class,
            MapElementsExec.class,
            SerializeFromObjectExec.class);

    /** Whether a node's generated code may be driven over refillable input. */
    public static boolean isRefillable(SparkPlan node) {
        return REFILLABLE.contains(node.getClass());
    }

    /**
     * Generates and compiles the code of a stage; empty where Spark would not use it either, because
     * it does not compile or a method is too large to be made fast.
     *
     * <p>Runs the static sides of joins. Errors: Spark's own.
     */
    public static Optional<FusedCode> generate(WholeStageCodegenExec stage, InputAdapter input, SQLConf conf) {
        var generated = TextColumns.in(stage, input).doCodeGen();
        CodegenContext context = generated._1();
        CodeAndComment source = onGeneratedRows(generated._2());
        Integer maxMethodBytes = compile(source, conf);
        if (maxMethodBytes == null || maxMethodBytes > conf.hugeMethodLimit()) {
            return Optional.empty();
        }
        Object[] references = Scala.list(context.references()).toArray();
        return Optional.of(
                new FusedCode(source, TaskCopies.of(references), input.output().length()));
    }

    /** The same code with {@link GeneratedRows} below it in place of Spark's class. */
    private static CodeAndComment onGeneratedRows(CodeAndComment source) {
        String before = "extends " + BufferedRowIterator.class.getName() + " {";
        int at = source.body().indexOf(before);
        if (at < 0) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot use the code that Spark generated for a stage: nothing in it %s. Please report this."
                            .formatted(before));
        }
        String body = source.body().substring(0, at)
                + "extends " + GeneratedRows.class.getName() + " {"
                + source.body().substring(at + before.length());
        return new CodeAndComment(body, source.comment());
    }

    /** The size of the largest method, or null where the source does not compile and Spark may go on without. */
    private static @Nullable Integer compile(CodeAndComment source, SQLConf conf) {
        try {
            return CodeGenerator.compile(source)._2().maxMethodCodeSize();
        } catch (Exception failure) {
            if (!conf.codegenFallback() || !NonFatal$.MODULE$.apply(failure)) {
                throw failure;
            }
            LOG.warn("Runs a part of the plan without generated code: it does not compile.", failure);
            return null;
        }
    }
}
