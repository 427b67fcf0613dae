package dev.millrace.spark.plan;

import dev.millrace.engine.operator.Emission;
import dev.millrace.spark.function.FunctionSpecification;
import dev.millrace.spark.function.GroupStateSpecification;
import dev.millrace.spark.function.ProcessorSpecification;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.catalyst.plans.logical.EventTimeTimeout$;
import org.apache.spark.sql.catalyst.plans.logical.ProcessingTimeTimeout$;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.TimeMode;

/**
 * Finds a physical plan's {@link NoDataRule}.
 *
 * <p>Thread: one; used once. Source: Spark's PropagateWatermarkSimulator, whose watermarks all lie behind the
 * query's one by what the joins below wait.
 */
final class NoDataRules {
    private final OutputMode outputMode;
    private final List<Long> lagsMillis = new ArrayList<>();
    private boolean wantsAlways;

    private NoDataRules(OutputMode outputMode) {
        this.outputMode = outputMode;
    }

    static NoDataRule of(SparkPlan plan, OutputMode outputMode) {
        NoDataRules rules = new NoDataRules(outputMode);
        Optional<Long> unused = rules.visit(plan);
        return new NoDataRule(rules.wantsAlways, rules.lagsMillis);
    }

    /** How far the watermark behind a node lies behind the query's; empty where its rows have none. */
    private Optional<Long> visit(SparkPlan node) {
        Optional<Long> input = PhysicalPlans.children(node).stream()
                .map(this::visit)
                .flatMap(Optional::stream)
                .max(Long::compare);
        if (node instanceof WatermarkExec) {
            return Optional.of(0L);
        }
        if (node instanceof KeyedAggregateExec aggregate) {
            if (aggregate.emission() != Emission.ALL_PER_EPOCH) {
                input.ifPresent(lagsMillis::add);
            }
        } else if (node instanceof SessionAggregateExec sessions) {
            if (sessions.emission() != Emission.ALL_PER_EPOCH) {
                input.ifPresent(lagsMillis::add);
            }
        } else if (node instanceof DeduplicateExec) {
            input.ifPresent(lagsMillis::add);
        } else if (node instanceof StreamJoinExec join) {
            return join(join, input);
        } else if (node instanceof GroupFunctionExec function) {
            return function(function.specification(), input);
        }
        return input;
    }

    private Optional<Long> join(StreamJoinExec join, Optional<Long> input) {
        if (join.expiry().isFound()) {
            input.ifPresent(lagsMillis::add);
        }
        long waitsMillis = TimeUnit.MICROSECONDS.toMillis(join.expiry().outputDelayMicros());
        return input.map(lag -> lag + waitsMillis);
    }

    private Optional<Long> function(FunctionSpecification specification, Optional<Long> input) {
        if (specification instanceof ProcessorSpecification processor) {
            if (processor.timeMode() == TimeMode.ProcessingTime()) {
                wantsAlways = true;
                return Optional.empty();
            }
            if (!outputMode.equals(OutputMode.Complete())) {
                input.ifPresent(lagsMillis::add);
            }
            return input;
        }
        GroupStateSpecification state = (GroupStateSpecification) specification;
        wantsAlways |= state.timeout() == ProcessingTimeTimeout$.MODULE$;
        if (state.timeout() == EventTimeTimeout$.MODULE$) {
            input.ifPresent(lagsMillis::add);
        }
        return Optional.empty();
    }
}
