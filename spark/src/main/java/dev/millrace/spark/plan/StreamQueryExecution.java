package dev.millrace.spark.plan;

import dev.millrace.spark.json.FastJson;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.text.AsciiCase;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.spark.sql.catalyst.QueryPlanningTracker;
import org.apache.spark.sql.catalyst.plans.logical.BROADCAST$;
import org.apache.spark.sql.catalyst.plans.logical.HintInfo;
import org.apache.spark.sql.catalyst.plans.logical.Join;
import org.apache.spark.sql.catalyst.plans.logical.JoinHint;
import org.apache.spark.sql.catalyst.plans.logical.JoinStrategyHint;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.CommandExecutionMode;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.SparkPlanner;
import org.apache.spark.sql.internal.SQLConf;
import org.jspecify.annotations.Nullable;
import scala.Option;
import scala.collection.immutable.Seq;

/**
 * Takes an analysed streaming plan through Spark's own optimizer, planner and preparations, with
 * Millrace's strategies first and without adaptive execution, which would hide the tree. Nothing
 * here starts a stream.
 *
 * <p>Thread: one. Source: Spark's IncrementalExecution, whose streaming steps those of this class
 * replace.
 */
final class StreamQueryExecution extends QueryExecution {
    private static final String OPTIMIZATION = "optimization";

    private final SparkPlanner planner;
    private final SparkSession session;
    private @Nullable LogicalPlan optimized;

    StreamQueryExecution(SparkSession session, LogicalPlan plan, StreamStrategy strategy) {
        super(
                session,
                plan,
                new QueryPlanningTracker(Option.empty()),
                CommandExecutionMode.SKIP(),
                Option.empty(),
                true, // static tables of catalogs are read as they stand now, as by a query of Spark's
                UUID.randomUUID(),
                Option.empty());
        this.session = session;
        this.planner = new StreamPlanner(session, strategy);
    }

    /** Spark's planner with our strategy before its own. */
    private static final class StreamPlanner extends SparkPlanner {
        private final StreamStrategy first;

        StreamPlanner(SparkSession session, StreamStrategy first) {
            super(session, session.sessionState().experimentalMethods());
            this.first = first;
        }

        /** Raw, as no Java generic type fits both of the types that it overrides. */
        @SuppressWarnings({"rawtypes", "unchecked"})
        @Override
        public Seq strategies() {
            List<Object> all = new ArrayList<>();
            all.add(first);
            all.addAll(Scala.list(
                    (Seq<Object>) (Seq) session().sessionState().planner().strategies()));
            return Scala.seq(all);
        }
    }

    @Override
    public SparkPlanner planner() {
        return planner;
    }

    /** Streams are meant to be here. */
    @Override
    public void assertSupported() {}

    @Override
    public LogicalPlan optimizedPlan() {
        LogicalPlan known = optimized;
        if (known == null) {
            known = executePhase(OPTIMIZATION, this::optimize);
            optimized = known;
        }
        return known;
    }

    private LogicalPlan optimize() {
        LogicalPlan moving = MovingTime.replaceIn((LogicalPlan) withCachedData().clone());
        LogicalPlan plan = session.sessionState().optimizer().executeAndTrack(moving, tracker());
        LogicalPlan hinted = (LogicalPlan) plan.transform(
                Scala.<LogicalPlan>rule(StreamQueryExecution::joinsStatic, StreamQueryExecution::broadcastStatic));
        SQLConf conf = session.sessionState().conf();
        LogicalPlan fast = AsciiCase.replaceIn(FastJson.replaceIn(hinted, conf), conf);
        fast.setAnalyzed();
        return fast;
    }

    /** The first preparation is adaptive execution. */
    @Override
    public Seq<Rule<SparkPlan>> preparations() {
        return Scala.cast(super.preparations().tail());
    }

    private static boolean joinsStatic(LogicalPlan plan) {
        return plan instanceof Join join
                && join.left().isStreaming() != join.right().isStreaming();
    }

    /** The other ways to join would wait for the stream's end. */
    private static LogicalPlan broadcastStatic(LogicalPlan plan) {
        Join join = (Join) plan;
        Option<HintInfo> broadcast = Option.apply(new HintInfo(Option.apply((JoinStrategyHint) BROADCAST$.MODULE$)));
        JoinHint hint = join.left().isStreaming()
                ? new JoinHint(Option.empty(), broadcast)
                : new JoinHint(broadcast, Option.empty());
        return join.copy(join.left(), join.right(), join.joinType(), join.condition(), hint);
    }
}
