package dev.millrace.engine.operator;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Calls a function with the rows of each key: all that a page holds of the key at once, keys in the
 * order of their first rows. At a trickle that is a call for each row. What the function waits for is
 * called as soon as the watermark or the clock has come to it, also where no row comes.
 *
 * <p>A call that gives more rows than the output takes stops there and goes on later, before anything
 * else; so a barrier finds no call under way.
 *
 * <p>Thread: the owning task.
 */
public final class KeyedFunction implements Operator {
    private static final long AT_ONCE = Long.MIN_VALUE;

    private final GroupFunction.Factory functions;
    private final RowGroups groups = new RowGroups();
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

    public KeyedFunction(GroupFunction.Factory functions) {
        this.functions = functions;
    }

    /** Makes the operator of each task. */
    public record Factory(GroupFunction.Factory functions, String name) implements OperatorFactory {
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
        if (!finishCalls(output)) {
            return false;
        }
        if (!hasGroups) {
            function.present(watermarkMicros, time.millis());
            int late = groups.fill(rows, function, watermarkMicros, lateRows);
            if (late > 0) {
                metrics.addRowsDroppedByWatermark(late);
            }
            hasGroups = true;
        }
        while (groups.hasGroup()) {
            groups.nextGroup();
            function.call(groups.keyGroup(), groups.key(), groups);
            isCalling = true;
            if (!finishCall(output)) {
                return false;
            }
        }
        if (function.timeDomain() == GroupFunction.TimeDomain.EVENT_TIME && !callDue(function, output)) {
            return false;
        }
        hasGroups = false;
        return true;
    }

    @Override
    public boolean watermark(long micros, Output output) throws Exception {
        GroupFunction function = opened();
        if (!finishCalls(output)) {
            return false;
        }
        if (micros > watermarkMicros) {
            watermarkMicros = micros;
            function.present(micros, time.millis());
        }
        return function.timeDomain() != GroupFunction.TimeDomain.EVENT_TIME || callDue(function, output);
    }

    @Override
    public boolean barrier(long epoch, Output output) throws Exception {
        if (!finishCalls(output)) {
            return false;
        }
        opened().epoch(epoch + 1);
        return true;
    }

    @Override
    public long wakeUpMillis() {
        GroupFunction function = opened();
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

    /** Calls for what the watermark has passed; false when there is more of it than one step may take. */
    private boolean callDue(GroupFunction function, Output output) throws Exception {
        return callGathered(function, output) && !function.gatherDue(watermarkMicros);
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
            while (function.callInitial()) {
                isCalling = true;
                if (!finishCall(output)) {
                    return false;
                }
            }
            hasInitialCalls = false;
        }
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
        GroupFunction opened = function;
        if (opened != null) {
            function = null;
            opened.close();
        }
    }
}
