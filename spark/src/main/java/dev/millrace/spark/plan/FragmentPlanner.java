package dev.millrace.spark.plan;

import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.PulledFragment;
import dev.millrace.spark.fragment.AppendColumnsFragment;
import dev.millrace.spark.fragment.ExpressionFragment;
import dev.millrace.spark.fragment.ExpressionFragment.Step;
import dev.millrace.spark.fragment.FusedCode;
import dev.millrace.spark.fragment.FusedFragment;
import dev.millrace.spark.fragment.GenerateFragment;
import dev.millrace.spark.fragment.PulledInputExec;
import dev.millrace.spark.fragment.RddFragment;
import dev.millrace.spark.fragment.TaskCopies;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Generator;
import org.apache.spark.sql.execution.AppendColumnsExec;
import org.apache.spark.sql.execution.AppendColumnsWithObjectExec;
import org.apache.spark.sql.execution.FilterExec;
import org.apache.spark.sql.execution.GenerateExec;
import org.apache.spark.sql.execution.InputAdapter;
import org.apache.spark.sql.execution.MapPartitionsExec;
import org.apache.spark.sql.execution.ProjectExec;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.WholeStageCodegenExec;
import org.apache.spark.sql.internal.SQLConf;
import scala.collection.immutable.Seq;

/**
 * Cuts a run of stateless nodes into pieces that the engine can run: chained operators where each is
 * known to answer row by row, and at most one pulled piece around those that are not.
 */
final class FragmentPlanner {
    private final SQLConf conf;

    FragmentPlanner(SQLConf conf) {
        this.conf = conf;
    }

    /** A piece of a run. */
    sealed interface Piece {
        /** Runs in the chain of the stage that it follows. */
        record Chained(OperatorFactory factory) implements Piece {}

        /** Runs in a stage of its own. */
        record Pulled(PulledFragment.Factory factory) implements Piece {}
    }

    /** A part of the run, from its top node down to but without {@code below}. */
    private sealed interface Segment {
        SparkPlan top();

        SparkPlan below();

        List<SparkPlan> nodes();

        record Fused(SparkPlan top, SparkPlan below, List<SparkPlan> nodes, FusedCode code) implements Segment {}

        /** Filters and projections, the top one first. */
        record Stepped(SparkPlan top, SparkPlan below, List<SparkPlan> nodes) implements Segment {}

        /** A node that has an operator of its own. */
        record Rowwise(SparkPlan top, SparkPlan below, List<SparkPlan> nodes, OperatorFactory factory)
                implements Segment {}

        record Opaque(SparkPlan top, SparkPlan below, List<SparkPlan> nodes) implements Segment {}
    }

    /**
     * The pieces from the bottom up.
     *
     * @param top the run's top node
     * @param bottom the boundary that the run stands on
     */
    List<Piece> pieces(SparkPlan top, SparkPlan bottom) {
        List<Segment> segments = new ArrayList<>();
        SparkPlan node = top;
        while (node != bottom) {
            if (node instanceof InputAdapter adapter) {
                node = adapter.child();
                continue;
            }
            Optional<Segment> whole =
                    node instanceof WholeStageCodegenExec stage ? wholeStage(stage) : Optional.of(single(node));
            whole.ifPresent(segments::add);
            node = whole.isPresent() ? whole.get().below() : ((WholeStageCodegenExec) node).child();
        }
        Collections.reverse(segments);
        return toPieces(segments);
    }

    /** A stage of generated code as a segment, or empty where its nodes must be taken one by one. */
    private Optional<Segment> wholeStage(WholeStageCodegenExec stage) {
        List<SparkPlan> nodes = new ArrayList<>();
        SparkPlan node = stage.child();
        while (!(node instanceof InputAdapter)) {
            nodes.add(node);
            node = PhysicalPlans.streamingChild(node);
        }
        if (!nodes.stream().allMatch(FusedCode::isRefillable)) {
            return Optional.empty();
        }
        InputAdapter input = (InputAdapter) node;
        if (PhysicalPlans.givesObjects(stage) || PhysicalPlans.givesObjects(input)) {
            return Optional.of(new Segment.Opaque(stage, input.child(), nodes));
        }
        return FusedCode.generate(stage, input, conf).map(code -> new Segment.Fused(stage, input.child(), nodes, code));
    }

    private static Segment single(SparkPlan node) {
        List<SparkPlan> nodes = List.of(node);
        if (node instanceof ProjectExec || node instanceof FilterExec) {
            SparkPlan below = PhysicalPlans.streamingChild(node);
            if (!PhysicalPlans.givesObjects(node) && !PhysicalPlans.givesObjects(below)) {
                return new Segment.Stepped(node, below, nodes);
            }
        }
        if (node instanceof GenerateExec generate && runs(generate)) {
            var specification = TaskCopies.of(GenerateFragment.Specification.of(generate));
            return new Segment.Rowwise(
                    node,
                    generate.child(),
                    nodes,
                    new GenerateFragment.Factory(specification, PhysicalPlans.describe(nodes)));
        }
        if (node instanceof AppendColumnsExec append) {
            var specification = TaskCopies.of(AppendColumnsFragment.Specification.of(append));
            return new Segment.Rowwise(
                    node,
                    append.child(),
                    nodes,
                    new AppendColumnsFragment.Factory(specification, PhysicalPlans.describe(nodes)));
        }
        check(node);
        return new Segment.Opaque(node, PhysicalPlans.streamingChild(node), nodes);
    }

    /** Refuses a node that no piece can hold. Errors: UNSUPPORTED_OPERATOR. */
    static void check(SparkPlan node) {
        boolean runs = FusedCode.isRefillable(node)
                || node instanceof WholeStageCodegenExec
                || node instanceof InputAdapter
                || node instanceof GenerateExec
                || node instanceof AppendColumnsExec
                || node instanceof MapPartitionsExec
                || node instanceof AppendColumnsWithObjectExec;
        if (!runs) {
            throw PhysicalPlans.unsupported(node);
        }
    }

    private static boolean runs(GenerateExec node) {
        Expression generator = Scala.cast(node.generator());
        return GenerateFragment.runs((Generator) generator);
    }

    /** From the first opaque segment to the last, all is pulled together: each more would cost a thread. */
    private List<Piece> toPieces(List<Segment> segments) {
        int firstOpaque = -1;
        int lastOpaque = -1;
        for (int i = 0; i < segments.size(); i++) {
            if (segments.get(i) instanceof Segment.Opaque) {
                firstOpaque = firstOpaque < 0 ? i : firstOpaque;
                lastOpaque = i;
            }
        }
        List<Piece> pieces = new ArrayList<>();
        if (firstOpaque < 0) {
            addChained(segments, pieces);
            return pieces;
        }
        addChained(segments.subList(0, firstOpaque), pieces);
        pieces.add(pulled(segments.subList(firstOpaque, lastOpaque + 1)));
        addChained(segments.subList(lastOpaque + 1, segments.size()), pieces);
        return pieces;
    }

    private static void addChained(List<Segment> segments, List<Piece> pieces) {
        List<SparkPlan> steps = new ArrayList<>();
        for (Segment segment : segments) {
            if (segment instanceof Segment.Stepped) {
                steps.addAll(segment.nodes());
                continue;
            }
            addSteps(steps, pieces);
            pieces.add(new Piece.Chained(factory(segment)));
        }
        addSteps(steps, pieces);
    }

    private static OperatorFactory factory(Segment segment) {
        if (segment instanceof Segment.Fused fused) {
            return new FusedFragment.Factory(fused.code(), "Fused[" + PhysicalPlans.describe(segment.nodes()) + "]");
        }
        return ((Segment.Rowwise) segment).factory();
    }

    private static void addSteps(List<SparkPlan> nodes, List<Piece> pieces) {
        List<Step> steps = new ArrayList<>();
        for (SparkPlan node : nodes) {
            if (node instanceof FilterExec filter) {
                steps.add(new Step.Filter(
                        filter.condition(), Scala.list(filter.child().output())));
            } else if (node instanceof ProjectExec project && !isIdentity(project)) {
                steps.add(new Step.Project(
                        Scala.list(Scala.<Seq<Expression>>cast(project.projectList())),
                        Scala.list(project.child().output())));
            }
        }
        if (!steps.isEmpty()) {
            List<SparkPlan> topFirst = new ArrayList<>(nodes);
            Collections.reverse(topFirst);
            pieces.add(new Piece.Chained(
                    new ExpressionFragment.Factory(TaskCopies.of(steps), PhysicalPlans.describe(topFirst))));
        }
        nodes.clear();
    }

    /** Whether a projection gives each row as it came. */
    private static boolean isIdentity(ProjectExec project) {
        return project.projectList().equals(project.child().output());
    }

    private Piece pulled(List<Segment> segments) {
        Segment bottom = segments.get(0);
        SparkPlan top = segments.get(segments.size() - 1).top();
        PulledInputExec input = new PulledInputExec(bottom.below().output());
        SparkPlan plan = replace(top, bottom.below(), input);
        List<SparkPlan> nodes = new ArrayList<>();
        for (int i = segments.size() - 1; i >= 0; i--) {
            nodes.addAll(segments.get(i).nodes());
        }
        String name = "Pulled[" + PhysicalPlans.describe(nodes) + "]";
        return new Piece.Pulled(
                new RddFragment.Factory(plan, bottom.below().output().length(), name));
    }

    private static SparkPlan replace(SparkPlan node, SparkPlan old, SparkPlan replacement) {
        if (node == old) {
            return replacement;
        }
        List<SparkPlan> children = new ArrayList<>();
        for (SparkPlan child : PhysicalPlans.children(node)) {
            children.add(PhysicalPlans.reads(child) ? replace(child, old, replacement) : child);
        }
        return (SparkPlan) node.withNewChildren(Scala.seq(children));
    }
}
