package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.StateSchema;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Calls a function with the rows of each key: all that a page holds of the key at once, keys in the
 * order of their first rows. At a trickle that is a call for each row. What the function waits for is
 * called as soon as the watermark or the clock has come to it, also where no row comes.
 *
 * <p>In a bounded epoch it is one call for all rows of a key, once the epoch's watermark is known, and what
 * is due is called behind them all.
 *
 * <p>A call that gives more rows than the output takes stops there and goes on later, before anything
 * else; so a barrier finds no call under way.
 *
 * <p>Thread: the owning task.
 */
public final class KeyedFunction implements Operator {
    private static final long AT_ONCE = Long.MIN_VALUE;

    private final GroupFunction.Factory functions;
    private RowGroups groups = new RowGroups(null);
    private @Nullable GroupFunction function;
    private OperatorMetrics metrics = new OperatorMetrics();
    private LateRows lateRows = LateRows.NOWHERE;
    private ProcessingTime time = () -> 0;
    private long watermarkMicros = Long.MIN_VALUE;
    private boolean hasInitialCalls = true;
    private boolean isCalling;
    private boolean hasGroups;

    /** Whether {@link #wakeUp} is under way and has gathered what is due. */
    private boolean isWoken;

    /** Whether epochs are bounded: then a key is called once for all its rows, at the epoch's end. */
    private boolean callsAtEnd;

    private boolean isEnding;

    public KeyedFunction(GroupFunction.Factory functions) {
        this.functions = functions;
    }

    /**
     * Makes the operator of each task.
     *
     * @param states what the state holds, but for what functions {@link GroupFunction#describe} themselves
     */
    public record Factory(GroupFunction.Factory functions, String name, List<StateSchema> states)
            implements OperatorFactory {
        public Factory {
            states = List.copyOf(states);
        }

        /** Of operators whose state nobody else reads. */
        public Factory(GroupFunction.Factory functions, String name) {
            this(functions, name, List.of());
        }

        @Override
        public boolean keepsState() {
            return true;
        }

        @Override
        public boolean dropsLateRows() {
            return true;
        }

        @Override
        public Operator create() {
            return new KeyedFunction(functions);
        }
    }

    @Override
    public void open(OperatorContext context) throws Exception {
        metrics = context.metrics();
        lateRows = context.lateRows();
        time = context.time();
        if (time.standsStill()) {
            callsAtEnd = true;
            groups = new RowGroups(new HeldRows(context.stateBudget()));
            watermarkMicros = 0; // where Spark's begins
        }
        GroupFunction opened = functions.open(context);
        opened.epoch(context.firstEpoch());
        function = opened;
    }

    private GroupFunction opened() {
        GroupFunction opened = function;
        if (opened == null) {
            throw new MillraceException(
                    ErrorCode.INVARIANT, "Cannot call a function: its operator is not open. Report this as a bug.");
        }
        return opened;
    }

    @Override
    public boolean process(RowCursor rows, Output output) throws Exception {
        GroupFunction function = opened();
        if (callsAtEnd) {
            countLate(groups.gather(rows, function, watermarkMicros, lateRows));
            return true;
        }
        if (!finishCalls(output)) {
            return false;
        }
        if (!hasGroups) {
            function.present(watermarkMicros, time.millis());
            countLate(groups.fill(rows, function, watermarkMicros, lateRows));
            hasGroups = true;
        }
        if (!callGroups(function, output)) {
            return false;
        }
        if (function.timeDomain() == GroupFunction.TimeDomain.EVENT_TIME
                && !callDue(function, watermarkMicros, output)) {
            return false;
        }
        hasGroups = false;
        return true;
    }

    private void countLate(int late) {
        if (late > 0) {
            metrics.addRowsDroppedByWatermark(late);
        }
    }

    private boolean callGroups(GroupFunction function, Output output) throws Exception {
        while (groups.hasGroup()) {
            groups.nextGroup();
            function.call(groups.keyGroup(), groups.key(), groups);
            isCalling = true;
            if (!finishCall(output)) {
                return false;
            }
        }
        return true;
    }

    @Override
    public boolean watermark(long micros, Output output) throws Exception {
        GroupFunction function = opened();
        if (callsAtEnd) {
            watermarkMicros = Math.max(watermarkMicros, micros); // with the barrier, which calls
            return true;
        }
        if (!finishCalls(output)) {
            return false;
        }
        if (micros > watermarkMicros) {
            watermarkMicros = micros;
            function.present(micros, time.millis());
        }
        return function.timeDomain() != GroupFunction.TimeDomain.EVENT_TIME
                || callDue(function, watermarkMicros, output);
    }

    @Override
    public boolean barrier(long epoch, Output output) throws Exception {
        boolean done = callsAtEnd ? endEpoch(output) : finishCalls(output);
        if (done) {
            opened().epoch(epoch + 1);
        }
        return done;
    }

    /** Calls for all rows of the epoch, a key once, and then for what is due; false when the output was full. */
    private boolean endEpoch(Output output) throws Exception {
        GroupFunction function = opened();
        if (!finishCall(output)) {
            return false;
        }
        if (!isEnding) {
            function.present(watermarkMicros, time.millis());
            if (hasInitialCalls) {
                function.takeInitialState();
            }
            isEnding = true;
        }
        if (!callGroups(function, output) || (hasInitialCalls && !callInitial(function, output))) {
            return false;
        }
        groups.clear();
        boolean calledAll =
                switch (function.timeDomain()) {
                    case NONE -> true;
                    case EVENT_TIME -> callDue(function, watermarkMicros, output);
                    case PROCESSING_TIME -> callDue(function, TimeUnit.MILLISECONDS.toMicros(time.millis()), output);
                };
        isEnding = !calledAll;
        return calledAll;
    }

    @Override
    public long wakeUpMillis() {
        GroupFunction function = opened();
        if (callsAtEnd) {
            return ProcessingTime.NEVER;
        }
        if (hasInitialCalls) {
            return AT_ONCE;
        }
        if (function.timeDomain() != GroupFunction.TimeDomain.PROCESSING_TIME) {
            return ProcessingTime.NEVER;
        }
        long due = function.dueMicros();
        return due == Long.MAX_VALUE ? ProcessingTime.NEVER : -Math.floorDiv(-due, TimeUnit.MILLISECONDS.toMicros(1));
    }

    @Override
    public boolean wakeUp(Output output) throws Exception {
        GroupFunction function = opened();
        if (!finishCalls(output)) {
            return false;
        }
        if (function.timeDomain() != GroupFunction.TimeDomain.PROCESSING_TIME) {
            return true;
        }
        if (!isWoken) {
            long now = time.millis();
            function.present(watermarkMicros, now);
            isWoken = function.gatherDue(TimeUnit.MILLISECONDS.toMicros(now));
        }
        if (!callGathered(function, output)) {
            return false;
        }
        isWoken = false;
        return true;
    }

    /** Calls for what is due at a time; false when there is more of it than one step may take. */
    private boolean callDue(GroupFunction function, long nowMicros, Output output) throws Exception {
        return callGathered(function, output) && !function.gatherDue(nowMicros);
    }

    private boolean callGathered(GroupFunction function, Output output) throws Exception {
        while (function.callDue()) {
            isCalling = true;
            if (!finishCall(output)) {
                return false;
            }
        }
        return true;
    }

    /** Brings the call under way to its end, and those that come before all rows; false when the output was full. */
    private boolean finishCalls(Output output) throws Exception {
        if (!finishCall(output)) {
            return false;
        }
        if (hasInitialCalls) {
            GroupFunction function = opened();
            function.present(watermarkMicros, time.millis());
            function.takeInitialState();
            return callInitial(function, output);
        }
        return true;
    }

    private boolean callInitial(GroupFunction function, Output output) throws Exception {
        while (function.callInitial()) {
            isCalling = true;
            if (!finishCall(output)) {
                return false;
            }
        }
        hasInitialCalls = false;
        return true;
    }

    private boolean finishCall(Output output) throws Exception {
        GroupFunction function = opened();
        while (isCalling) {
            if (output.isFull()) {
                return false;
            }
            RowView row = function.next();
            if (row == null) {
                isCalling = false;
            } else {
                output.emit(row.bytes(), row.offset(), row.sizeBytes());
            }
        }
        return true;
    }

    /** The function's state, and of the task its watermark, lest late rows count after a restart. */
    @Override
    public FrozenState freeze(OperatorId id) throws Exception {
        Section task = WatermarkState.section(id, watermarkMicros);
        opened().describe(task);
        return FrozenState.all(List.of(FrozenState.of(task), opened().freeze(id)));
    }

    @Override
    public void restore(Section section) throws Exception {
        if (section.key().isOfTask()) {
            section.read(entry -> restoreOfTask(entry.key(), entry.value()));
        } else {
            opened().restore(section);
        }
    }

    private void restoreOfTask(RowView key, RowView value) {
        if (key.sizeBytes() == 0) {
            watermarkMicros = Math.max(watermarkMicros, WatermarkState.micros(value));
        } else {
            opened().restoreDescription(key, value);
        }
    }

    @Override
    public void restored() throws Exception {
        hasInitialCalls = false;
        opened().restored();
    }

    @Override
    public void close() throws Exception {
        groups.clear();
        GroupFunction opened = function;
        if (opened != null) {
            function = null;
            opened.close();
        }
    }
}
