package dev.millrace.engine.task;

import dev.millrace.engine.exchange.Waker;
import dev.millrace.engine.metrics.StepClock;
import dev.millrace.engine.metrics.TaskMetrics;
import dev.millrace.engine.operator.PortionEventTimes;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.source.SourceQueue;
import dev.millrace.engine.stream.Item;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Takes rows of the source partitions that it owns, in turn, through its chain. It starts the barriers: one
 * that was asked for goes in behind the page under way, with the partitions' positions as of then, so a
 * reader that waits for its next row delays no epoch. Where the source is read in portions it waits for the
 * end of the epoch in all its partitions, and until all tasks that read the source are through with the portions
 * before, so that the same watermark stands behind the epoch everywhere.
 *
 * <p>Thread: its loop, but for {@link #requestBarrier} and {@link #requestLastBarrier}.
 */
public final class ReadingTask implements Step, BarrierTarget {
    /** A partition's queue. {@code partitionIndex} counts the partitions of the source; see its readers for its name. */
    public record Input(int partitionIndex, String partitionName, SourceQueue queue) {}

    /**
     * What a task reads.
     *
     * @param portions shared by all tasks that read the source, where it is read in portions; else null
     */
    public record Inputs(List<Input> partitions, @Nullable PortionEventTimes portions) {
        public Inputs {
            partitions = List.copyOf(partitions);
        }
    }

    private static final long NONE = Long.MIN_VALUE;

    private final TaskParts parts;
    private final TaskPlace place;
    private final Chain chain;
    private final TaskFlow flow;
    private final TaskSnapshots snapshots;
    private final List<Input> inputs;
    private final @Nullable PortionEventTimes portions;

    /** How many portions each partition is through with. */
    private final long[] portionsEnded;

    private long settledSeen;
    private final TaskReports reports;
    private final Waker self;
    private final RowCursor cursor = new RowCursor();
    private final TaskMetrics metrics;
    private volatile long requestedEpoch;
    private volatile long lastEpoch = Long.MAX_VALUE;
    private long epoch;
    private long rowsOfEpoch;
    private int turn;
    private int taking = -1;
    private long barrierUnderWay = NONE;

    public ReadingTask(TaskParts parts, Inputs inputs, long firstEpoch, Waker self, TaskMetrics metrics) {
        this.parts = parts;
        this.place = parts.place();
        this.chain = parts.chain();
        this.flow = parts.flow();
        this.snapshots = parts.snapshots();
        this.reports = parts.reports();
        this.inputs = inputs.partitions();
        this.portions = inputs.portions();
        this.portionsEnded = new long[this.inputs.size()];
        this.epoch = firstEpoch;
        this.requestedEpoch = firstEpoch - 1;
        this.self = self;
        this.metrics = metrics;
    }

    @Override
    public String name() {
        return place.name();
    }

    @Override
    public void open() throws Exception {
        parts.open(inputs.stream().map(Input::partitionName).toList(), portions);
        if (inputs.isEmpty()) {
            flow.mark(Item.Idle.INSTANCE);
        }
    }

    @Override
    public void requestBarrier(long requested) {
        requestedEpoch = requested;
        self.wake();
    }

    @Override
    public void requestLastBarrier(long requested) {
        lastEpoch = requested;
        requestBarrier(requested);
    }

    @Override
    public boolean step() throws Exception {
        boolean progress = flow.resume() ? advance() : flow.mayGoOn();
        return snapshots.writeSlice() | progress;
    }

    /** Takes what there is to a quiet chain; true when it gave something to do. */
    private boolean advance() throws Exception {
        itemThrough();
        boolean woken = flow.wakeUp();
        if (!flow.isQuiet()) {
            return true;
        }
        if (portions != null) {
            endPortions(portions);
        }
        if (requestedEpoch >= epoch && mayEndEpoch()) {
            flow.refreshWatermarks();
            if (flow.isQuiet()) {
                startBarrier();
            }
            return true;
        }
        if (epoch <= lastEpoch && takeRows()) {
            flow.rows(cursor);
            if (flow.isQuiet()) {
                itemThrough();
            }
            return true;
        }
        return flow.dry() || woken;
    }

    private boolean takeRows() {
        for (int tried = 0; tried < inputs.size(); tried++) {
            int index = turn;
            turn = index + 1 == inputs.size() ? 0 : index + 1;
            Input input = inputs.get(index);
            if (input.queue().take(cursor)) {
                cursor.inputPartition(index);
                taking = index;
                return true;
            }
        }
        return false;
    }

    /** What was under way is through the chain. */
    private void itemThrough() throws Exception {
        if (taking >= 0) {
            int count = inputs.get(taking).queue().taken();
            rowsOfEpoch += count;
            metrics.rowsTaken().add(count);
            taking = -1;
        }
        if (barrierUnderWay != NONE) {
            parts.epochEnded(barrierUnderWay);
            barrierUnderWay = NONE;
        }
    }

    /** Notes the portions that the partitions are through with, and what that means for the watermark. */
    private void endPortions(PortionEventTimes shared) {
        for (int i = 0; i < portionsEnded.length; i++) {
            Input input = inputs.get(i);
            while (input.queue().takePortionEnd()) {
                shared.ended(++portionsEnded[i], chain.maxEventTimeMicros(i));
            }
        }
        if (shared.settled() != settledSeen) {
            settledSeen = shared.settled();
            flow.watermarkMoved();
        }
    }

    /** False while a reader is not open yet, so that nobody knows where it stands, or is in the midst of a portion. */
    private boolean mayEndEpoch() {
        for (int i = 0; i < portionsEnded.length; i++) {
            if (inputs.get(i).queue().endOf(epoch) == null || (portions != null && settledSeen < portionsEnded[i])) {
                return false;
            }
        }
        return true;
    }

    private void startBarrier() throws Exception {
        List<Integer> partitionIndexes = new ArrayList<>();
        List<Object> positions = new ArrayList<>();
        for (Input input : inputs) {
            partitionIndexes.add(input.partitionIndex());
            positions.add(Objects.requireNonNull(input.queue().endOf(epoch)));
            input.queue().epochEnded();
        }
        reports.sourcePositions(place.stageId(), place.taskIndex(), epoch, partitionIndexes, positions, rowsOfEpoch);
        rowsOfEpoch = 0;
        barrierUnderWay = epoch++;
        flow.mark(new Item.Barrier(barrierUnderWay));
        if (flow.isQuiet()) {
            itemThrough();
        }
    }

    @Override
    public long deadlineNanos() {
        return flow.deadlineNanos();
    }

    @Override
    public StepClock clock() {
        return metrics.clock();
    }

    @Override
    public boolean isBackPressured() {
        return flow.isBackPressured();
    }

    @Override
    public void close() throws Exception {
        chain.close();
    }
}
