package dev.millrace.spark.plan;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.graph.Exchange;
import dev.millrace.engine.graph.StageBody;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.graph.StreamGraph.Input;
import dev.millrace.engine.operator.EventTimeObserver;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.StreamJoinFactory;
import dev.millrace.engine.operator.WatermarkAssignerFactory;
import dev.millrace.engine.operator.WithLateRows;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.stream.WatermarkPolicy;
import dev.millrace.spark.function.EventTimeGuard;
import dev.millrace.spark.join.JoinExpressions;
import dev.millrace.spark.late.LateRowEncoders;
import dev.millrace.spark.plan.FragmentPlanner.Piece;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.physical.HashPartitioning;
import org.apache.spark.sql.catalyst.plans.physical.Partitioning;
import org.apache.spark.sql.catalyst.plans.physical.RoundRobinPartitioning;
import org.apache.spark.sql.catalyst.plans.physical.SinglePartition$;
import org.apache.spark.sql.execution.CoalesceExec;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.UnionExec;
import org.apache.spark.sql.execution.exchange.ReusedExchangeExec;
import org.apache.spark.sql.execution.exchange.ShuffleExchangeLike;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.internal.SQLConf$;
import scala.collection.immutable.Seq;

/**
 * Turns a physical plan into a graph of stages: cut at exchanges, each stage a chain of the operators
 * between them.
 *
 * <p>Thread: one; used once.
 */
final class GraphBuilder {
    private final PlanRequest request;
    private final SQLConf conf;
    private final FragmentPlanner fragments;
    private final StreamGraph.Builder graph = StreamGraph.builder();
    private final Map<Integer, Integer> streamOfStage = new HashMap<>();
    private final Map<Integer, Integer> useCounts = new HashMap<>();
    private final Map<Integer, Integer> sharedStages = new HashMap<>();
    private final IdentityHashMap<SparkPlan, Input> exchanges = new IdentityHashMap<>();
    private final Set<SparkPlan> reused = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Map<String, Long> watermarkDelaysMillis = new HashMap<>();
    private final List<Input> lateInputs = new ArrayList<>();
    private boolean isStateful;

    GraphBuilder(PlanRequest request, SQLConf conf) {
        this.request = request;
        this.conf = conf;
        this.fragments = new FragmentPlanner(conf);
    }

    /** Operators in the making, and where their rows come from: a source, or other stages. */
    private static final class Flow {
        final int sourceIndex;
        final List<Input> inputs;
        final List<OperatorFactory> chain = new ArrayList<>();

        private Flow(int sourceIndex, List<Input> inputs) {
            this.sourceIndex = sourceIndex;
            this.inputs = inputs;
        }

        static Flow reading(int sourceIndex) {
            return new Flow(sourceIndex, List.of());
        }

        static Flow from(List<Input> inputs) {
            return new Flow(-1, inputs);
        }

        boolean isReading() {
            return sourceIndex >= 0;
        }

        /** Whether nothing is done to the inputs yet. */
        boolean isBare() {
            return !isReading() && chain.isEmpty();
        }
    }

    /** Builds the graph of a plan. Runs the static sides of joins. Called once. */
    StreamGraph build(SparkPlan plan) {
        countUses(plan);
        requireAllSources();
        List<Input> inputs = inputsFrom(flow(plan));
        graph.watermarkPolicy(watermarkPolicy());
        graph.add("write " + request.sink().name(), inputs, new StageBody.Writing(request.sink()));
        PlanRequest.LateRowTarget late = request.late();
        if (late != null && !lateInputs.isEmpty()) {
            graph.add("write " + late.sink().name(), lateInputs, new StageBody.Writing(late.sink()));
        }
        return graph.build();
    }

    /** An operator that drops late rows as one whose late rows are asked for, where somebody asks. */
    private OperatorFactory withLateRows(OperatorFactory operator, List<List<Attribute>> inputs) {
        PlanRequest.LateRowTarget late = request.late();
        return late == null || !operator.dropsLateRows()
                ? operator
                : new WithLateRows(
                        operator,
                        new LateRowEncoders(late.layout(), operator.name(), inputs, conf.sessionLocalTimeZone()));
    }

    private static List<Attribute> columns(SparkPlan node) {
        return Scala.list(node.output());
    }

    private WatermarkPolicy watermarkPolicy() {
        String name = conf.getConf(SQLConf$.MODULE$.STREAMING_MULTIPLE_WATERMARK_POLICY());
        return name.equalsIgnoreCase("max") ? WatermarkPolicy.GREATEST : WatermarkPolicy.LEAST;
    }

    Map<Integer, Integer> streamOfStage() {
        return streamOfStage;
    }

    Map<String, Long> watermarkDelaysMillis() {
        return watermarkDelaysMillis;
    }

    boolean isStateful() {
        return isStateful;
    }

    /** Refuses nodes that {@link #build} would refuse, and runs nothing. Errors: UNSUPPORTED_OPERATOR. */
    static void check(SparkPlan node) {
        if (!PhysicalPlans.reads(node)) {
            return;
        }
        if (PhysicalPlans.isBoundary(node)) {
            checkPartitioning(node);
            PhysicalPlans.children(node).forEach(GraphBuilder::check);
        } else {
            FragmentPlanner.check(node);
            check(PhysicalPlans.streamingChild(node));
        }
    }

    private static void checkPartitioning(SparkPlan node) {
        if (node instanceof ShuffleExchangeLike) {
            Partitioning partitioning = node.outputPartitioning();
            boolean isKnown = partitioning instanceof HashPartitioning
                    || partitioning == SinglePartition$.MODULE$
                    || partitioning instanceof RoundRobinPartitioning;
            if (!isKnown) {
                throw unsupported(partitioning);
            }
        }
    }

    private void countUses(SparkPlan node) {
        if (node instanceof SourceExec source) {
            useCounts.merge(source.sourceIndex(), 1, Integer::sum);
        }
        if (node instanceof ReusedExchangeExec again) {
            reused.add(again.child());
        }
        PhysicalPlans.children(node).forEach(this::countUses);
    }

    private void requireAllSources() {
        List<Source> sources = request.sources();
        for (int i = 0; i < sources.size(); i++) {
            if (!useCounts.containsKey(i)) {
                throw new MillraceException(
                        ErrorCode.UNSUPPORTED_OPERATOR,
                        "Cannot run the query on Millrace: source=%s, no row of which can reach the sink. Remove it."
                                .formatted(sources.get(i).name()));
            }
        }
    }

    private Flow flow(SparkPlan node) {
        if (node instanceof SourceExec source) {
            return source(source.sourceIndex());
        }
        if (node instanceof WatermarkExec watermark) {
            return watermark(watermark);
        }
        if (node instanceof KeyedNode keyed) {
            return keyed(keyed);
        }
        if (node instanceof StreamJoinExec join) {
            return join(join);
        }
        if (node instanceof GroupFunctionExec function) {
            return groupFunction(function);
        }
        if (node instanceof EventTimeGuardExec guard) {
            return eventTimeGuard(guard);
        }
        if (node instanceof ObserveExec observe) {
            return observation(observe);
        }
        if (node instanceof UnionExec union) {
            return union(union);
        }
        if (node instanceof CoalesceExec coalesce) {
            return coalesce(coalesce);
        }
        if (node instanceof ShuffleExchangeLike || node instanceof ReusedExchangeExec) {
            return Flow.from(List.of(exchange(node)));
        }
        return run(node);
    }

    /** A source that is used more than once is read once, and its rows go to all who want them. */
    private Flow source(int sourceIndex) {
        if (useCounts.getOrDefault(sourceIndex, 0) == 1) {
            return Flow.reading(sourceIndex);
        }
        Integer shared = sharedStages.get(sourceIndex);
        if (shared == null) {
            shared = stageOf(Flow.reading(sourceIndex));
            sharedStages.put(sourceIndex, shared);
        }
        return Flow.from(List.of(forward(shared)));
    }

    private Flow watermark(WatermarkExec node) {
        SparkPlan child = PhysicalPlans.streamingChild(node);
        Flow flow = flow(child);
        watermarkDelaysMillis.put(node.watermark(), node.delayMillis());
        flow.chain.add(assigner(node, new EventTimes(node.eventTime(), child.output())));
        return flow;
    }

    private OperatorFactory assigner(WatermarkExec node, EventTimes times) {
        String name = "Watermark[%s - %d ms]".formatted(node.eventTime().name(), node.delayMillis());
        if (request.settings().isBounded()) {
            return new EventTimeObserver.Factory(times, name, node.watermark());
        }
        return new WatermarkAssignerFactory(
                times,
                name,
                TimeUnit.MILLISECONDS.toMicros(node.delayMillis()),
                request.settings().watermarkIdleNanos());
    }

    /** A keyed operator stands right behind an exchange, which tells each row's key group. */
    private Flow keyed(KeyedNode node) {
        SparkPlan child = PhysicalPlans.streamingChild(node);
        Optional<KeyedNode.Halves> halves = mayHalve(child) ? node.halves() : Optional.empty();
        OperatorFactory operator = halves.map(KeyedNode.Halves::second).orElseGet(node::operator);
        isStateful |= operator.keepsState();
        Flow flow = halves.isPresent()
                ? halved(node, halves.get(), PhysicalPlans.streamingChild(child))
                : exchanged(child, node.keys());
        flow.chain.add(withLateRows(operator, List.of(columns(child))));
        return flow;
    }

    /**
     * Whether half of an operator's work may be done before the exchange over which its rows come: not where others get
     * the same rows, or where somebody asks for each late row, which a half knows no more.
     */
    private boolean mayHalve(SparkPlan child) {
        return child instanceof ShuffleExchangeLike && !reused.contains(child) && request.late() == null;
    }

    /** @param below what stands under the exchange */
    private Flow halved(KeyedNode node, KeyedNode.Halves halves, SparkPlan below) {
        Flow first = flow(below);
        first.chain.add(halves.first());
        return Flow.from(List.of(new Input(stageOf(first), exchangeFor(node.keys(), halves.between()))));
    }

    private Flow groupFunction(GroupFunctionExec node) {
        isStateful = true;
        SparkPlan child = PhysicalPlans.streamingChild(node);
        Flow flow = exchanged(child, node.grouping());
        flow.chain.add(withLateRows(GroupFunctions.operator(node, request, conf), List.of(columns(child))));
        return flow;
    }

    private Flow exchanged(SparkPlan child, Seq<Attribute> keys) {
        Flow below = flow(child);
        return isExchanged(below)
                ? below
                : Flow.from(List.of(new Input(stageOf(below), exchangeFor(keys, columns(child)))));
    }

    private Flow observation(ObserveExec node) {
        Flow flow = flow(PhysicalPlans.streamingChild(node));
        flow.chain.add(node.operator());
        return flow;
    }

    private Flow eventTimeGuard(EventTimeGuardExec node) {
        SparkPlan child = PhysicalPlans.streamingChild(node);
        Flow flow = flow(child);
        flow.chain.add(new EventTimeGuard.Factory(
                EventTimes.exact(node.eventTime(), child.output()),
                "EventTimeGuard[%s]".formatted(node.eventTime().name())));
        return flow;
    }

    /** A join, too, stands right behind an exchange, on each of its sides. */
    private Flow join(StreamJoinExec node) {
        isStateful = true;
        List<Input> inputs = new ArrayList<>();
        for (Side side : Side.values()) {
            SparkPlan child = node.child(side);
            Flow below = flow(child);
            List<Input> exchanged = isHashed(below)
                    ? below.inputs
                    : List.of(new Input(stageOf(below), hash(Scala.list(node.keys(side)), Scala.list(child.output()))));
            exchanged.forEach(input -> inputs.add(input.on(side)));
        }
        Flow flow = Flow.from(inputs);
        StreamJoinFactory operator = new StreamJoinFactory(
                new JoinExpressions.Factory(node.specification()),
                node.type(),
                node.describe(),
                node.expiry().outputDelayMicros(),
                node.states());
        flow.chain.add(
                withLateRows(operator, List.of(columns(node.child(Side.LEFT)), columns(node.child(Side.RIGHT)))));
        return flow;
    }

    /** Both sides have to be spread alike, so that one task having all rows of one of them will not do. */
    private static boolean isHashed(Flow flow) {
        return flow.isBare() && flow.inputs.stream().allMatch(input -> input.exchange() instanceof Exchange.Hash);
    }

    private static boolean isExchanged(Flow flow) {
        return flow.isBare()
                && flow.inputs.stream()
                        .allMatch(input -> input.exchange() instanceof Exchange.Hash
                                || input.exchange() instanceof Exchange.Single);
    }

    private Exchange exchangeFor(Seq<Attribute> keys, List<Attribute> columns) {
        return keys.isEmpty() ? new Exchange.Single() : hash(new ArrayList<>(Scala.<Attribute>list(keys)), columns);
    }

    private Flow union(UnionExec union) {
        List<Input> inputs = new ArrayList<>();
        for (SparkPlan child : PhysicalPlans.children(union)) {
            inputs.addAll(inputsFrom(flow(child)));
        }
        return Flow.from(inputs);
    }

    private Flow coalesce(CoalesceExec coalesce) {
        Flow flow = flow(coalesce.child());
        return coalesce.numPartitions() == 1
                ? Flow.from(List.of(new Input(stageOf(flow), new Exchange.Single())))
                : flow;
    }

    /** The edge of an exchange; all who reuse it get the same rows over edges of their own. */
    private Input exchange(SparkPlan node) {
        if (node instanceof ReusedExchangeExec reused) {
            return exchange(reused.child());
        }
        Input known = exchanges.get(node);
        if (known == null) {
            SparkPlan child = PhysicalPlans.streamingChild(node);
            Exchange exchange = exchangeFor(node, child);
            known = new Input(stageOf(flow(child)), exchange);
            exchanges.put(node, known);
        }
        return known;
    }

    private Exchange exchangeFor(SparkPlan node, SparkPlan child) {
        Partitioning partitioning = node.outputPartitioning();
        if (partitioning instanceof HashPartitioning by) {
            return hash(Scala.list(by.expressions()), Scala.list(child.output()));
        }
        if (partitioning == SinglePartition$.MODULE$) {
            return new Exchange.Single();
        }
        if (partitioning instanceof RoundRobinPartitioning) {
            return new Exchange.Rebalance();
        }
        throw unsupported(partitioning);
    }

    private static MillraceException unsupported(Partitioning partitioning) {
        return new MillraceException(
                ErrorCode.UNSUPPORTED_OPERATOR,
                "Cannot spread rows on Millrace: partitioning=%s. Use repartition(n) or repartition(n, columns)."
                        .formatted(partitioning));
    }

    private Exchange hash(List<Expression> keys, List<Attribute> input) {
        String names = String.join(", ", keys.stream().map(Expression::sql).toList());
        return new Exchange.Hash(names, new HashKeyGroups(keys, input, request.keyGroupCount()));
    }

    private Flow run(SparkPlan top) {
        SparkPlan bottom = top;
        while (!PhysicalPlans.isBoundary(bottom)) {
            bottom = PhysicalPlans.streamingChild(bottom);
        }
        Flow flow = flow(bottom);
        for (Piece piece : fragments.pieces(top, bottom)) {
            if (piece instanceof Piece.Chained chained) {
                flow.chain.add(chained.factory());
            } else {
                var factory = ((Piece.Pulled) piece).factory();
                int stage = graph.add(factory.name(), inputsFrom(flow), new StageBody.Pulling(factory));
                flow = Flow.from(List.of(forward(stage)));
            }
        }
        return flow;
    }

    private List<Input> inputsFrom(Flow flow) {
        return flow.isBare() ? flow.inputs : List.of(forward(stageOf(flow)));
    }

    private static Input forward(int stage) {
        return new Input(stage, new Exchange.Forward());
    }

    private int stageOf(Flow flow) {
        String chain = String.join(
                " -> ", flow.chain.stream().map(OperatorFactory::name).toList());
        if (flow.isReading()) {
            Source source = request.sources().get(flow.sourceIndex);
            String name = "read " + source.name() + (chain.isEmpty() ? "" : " -> " + chain);
            int id = graph.add(name, List.of(), new StageBody.Reading(source, flow.chain));
            streamOfStage.put(id, flow.sourceIndex);
            return id;
        }
        if (flow.isBare() && flow.inputs.size() == 1 && flow.inputs.get(0).exchange() instanceof Exchange.Forward) {
            return flow.inputs.get(0).stageId();
        }
        int id = graph.add(chain.isEmpty() ? "pass" : chain, flow.inputs, new StageBody.Operating(flow.chain));
        if (flow.chain.stream().anyMatch(operator -> operator.lateRows() != null)) {
            lateInputs.add(Input.late(id));
        }
        return id;
    }
}
