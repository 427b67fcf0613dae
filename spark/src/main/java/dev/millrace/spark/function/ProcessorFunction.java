package dev.millrace.spark.function;

import dev.millrace.engine.operator.EventTimeExtractor;
import dev.millrace.engine.operator.GroupFunction;
import dev.millrace.engine.operator.GroupRows;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.execution.streaming.operators.stateful.transformwithstate.timers.ExpiredTimerInfoImpl;
import org.apache.spark.sql.execution.streaming.operators.stateful.transformwithstate.timers.TimerValuesImpl;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.StatefulProcessorWithInitialState;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.jspecify.annotations.Nullable;
import scala.Option;

/**
 * Runs a stateful processor of {@code transformWithState}.
 *
 * <p>Thread: the owning task. Source: Spark's TransformWithStateExec, whose order of things this keeps:
 * a timer is over once all results of its call were taken, and what was deleted meanwhile does not fire.
 */
final class ProcessorFunction implements GroupFunction {
    /** The number of the timers' state. */
    static final int TIMERS = 0;

    private static final int FIRST_VARIABLE = 1;

    /** What is removed in one go because its time to live is over. */
    private static final int REMOVED_AT_ONCE = 10_000;

    private final ProcessorSpecification specification;
    private final StatefulProcessor<Object, Object, Object> processor;
    private final OperatorContext context;
    private final CurrentGroup group = new CurrentGroup();
    private final GroupCode code;
    private final RowTimes rowTimes;
    private final Timers timers;
    private final StateVariables variables;
    private final ProcessorHandle handle;
    private final @Nullable InitialGroups initial;
    private boolean isCalling;
    private boolean isFiring;

    ProcessorFunction(
            ProcessorSpecification specification,
            OperatorContext context,
            @Nullable EventTimeExtractor eventTimes,
            @Nullable InitialRows initialRows) {
        this.specification = specification;
        this.processor = specification.processor();
        this.context = context;
        this.code = new GroupCode(specification.name(), specification.typed(), group);
        this.rowTimes = new RowTimes(eventTimes);
        this.timers = new Timers(context, group);
        this.variables = new StateVariables(specification.name(), context, group, FIRST_VARIABLE);
        this.handle =
                new ProcessorHandle(specification.timeMode(), specification.key(), context, group, variables, timers);
        InitialColumns columns = specification.initialColumns();
        this.initial = columns == null || initialRows == null ? null : new InitialGroups(columns, initialRows);
        processor.setHandle(handle);
        code.run(() -> processor.init(specification.outputMode(), specification.timeMode()));
        handle.initialized();
    }

    @Override
    public TimeDomain timeDomain() {
        if (specification.timeMode() == TimeMode.EventTime()) {
            return TimeDomain.EVENT_TIME;
        }
        return specification.timeMode() == TimeMode.ProcessingTime() ? TimeDomain.PROCESSING_TIME : TimeDomain.NONE;
    }

    @Override
    public RowView key(RowView row) {
        return code.keyOf(row);
    }

    @Override
    public boolean isLate(RowView row, long watermarkMicros) {
        return rowTimes.isLate(row, watermarkMicros);
    }

    @Override
    public long eventTimeMicros(RowView row) {
        return rowTimes.eventTimeMicros(row);
    }

    @Override
    public void present(long watermarkMicros, long timeMillis) {
        group.present(watermarkMicros, timeMillis);
    }

    @Override
    public void epoch(long epoch) {
        handle.epoch(epoch);
    }

    @Override
    public void call(int keyGroup, RowView key, GroupRows rows) {
        begin();
        group.goTo(keyGroup, key);
        code.begin(rows, (keyObject, values) -> processor.handleInputRows(keyObject, values, timerValues()));
    }

    private void begin() {
        reclaim();
        isCalling = true;
    }

    private void reclaim() {
        timers.reclaim();
        variables.reclaim();
    }

    private TimerValues timerValues() {
        return new TimerValuesImpl(
                Option.apply((Object) group.timeMillis()), Option.apply((Object) group.watermarkMillis()));
    }

    /** The moment in the time domain of timers. */
    private long nowMicros() {
        return timeDomain() == TimeDomain.EVENT_TIME
                ? group.watermarkMicros()
                : CurrentGroup.micros(group.timeMillis());
    }

    @Override
    public long dueMicros() {
        return Math.min(timers.dueMicros(), variables.earliestExpiryMicros());
    }

    @Override
    public boolean gatherDue(long nowMicros) {
        int removed = timeDomain() == TimeDomain.PROCESSING_TIME ? variables.removeExpired(REMOVED_AT_ONCE) : 0;
        if (removed > 0) {
            context.metrics().addRowsRemoved(removed);
            publish();
        }
        return timers.gather(nowMicros);
    }

    @Override
    public boolean callDue() {
        if (!timers.startFiring(nowMicros())) {
            return false;
        }
        begin();
        isFiring = true;
        ExpiredTimerInfoImpl timer = new ExpiredTimerInfoImpl(Option.apply((Object) timers.firingMillis()));
        code.begin(
                GroupCode.NO_ROWS,
                (keyObject, values) -> processor.handleExpiredTimer(keyObject, timerValues(), timer));
        return true;
    }

    @Override
    public @Nullable RowView next() {
        RowView row = code.next();
        if (row == null && isCalling) {
            isCalling = false;
            if (isFiring) {
                isFiring = false;
                timers.endFiring();
            }
            group.leave();
            context.metrics().addRowsUpdated(variables.takeChangeCount());
            publish();
        }
        return row;
    }

    private void publish() {
        context.metrics().state(timers.size().plus(variables.size()));
    }

    /** State to begin with gives no rows: it is all taken here. */
    @Override
    @SuppressWarnings("unchecked")
    public void takeInitialState() {
        if (initial != null) {
            var withInitialState =
                    (StatefulProcessorWithInitialState<Object, Object, Object, Object>) (Object) processor;
            initial.read(context, (keyGroup, key, state) -> {
                reclaim();
                group.goTo(keyGroup, key);
                code.run(() -> withInitialState.handleInitialState(code.keyObject(), state, timerValues()));
                group.leave();
            });
            publish();
        }
    }

    @Override
    public boolean callInitial() {
        return false;
    }

    @Override
    public void describe(Section task) {
        variables.describe(task);
    }

    @Override
    public void restoreDescription(RowView name, RowView description) {
        variables.restoreDescription(name, description);
    }

    @Override
    public FrozenState freeze(OperatorId id) {
        List<FrozenState> frozen = new ArrayList<>(variables.freeze(id));
        frozen.add(timers.freeze(id, TIMERS));
        return FrozenState.all(frozen);
    }

    @Override
    public void restore(Section section) throws Exception {
        if (section.key().stateIndex() == TIMERS) {
            timers.restore(section);
        } else {
            variables.restore(section);
        }
    }

    @Override
    public void restored() {
        publish();
    }

    @Override
    public void close() {
        try {
            code.run(processor::close);
        } finally {
            handle.closed();
            timers.close();
            variables.close();
        }
    }
}
