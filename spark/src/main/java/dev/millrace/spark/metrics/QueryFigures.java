package dev.millrace.spark.metrics;

import dev.millrace.engine.metrics.DataflowMetrics;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What is known of one run of a query, from its start until some time after its end.
 *
 * <p>Thread: any. Bounds: {@link #POINTS} seconds of history, {@link #EPOCHS} epochs, {@link #FAILURES} failures.
 */
public final class QueryFigures {
    /** One point a second. */
    public static final int POINTS = 900;

    public static final int EPOCHS = 200;
    public static final int FAILURES = 20;

    /** What a query is at. */
    public enum State {
        STARTING,
        RUNNING,
        RECOVERING,
        STOPPED,
        FAILED
    }

    /**
     * What stays the same.
     *
     * @param settings what was in force when it started, by name
     */
    public record Identity(
            UUID id,
            UUID runId,
            @Nullable String name,
            String sink,
            String outputMode,
            long triggerMillis,
            long startMillis,
            Map<String, String> settings) {
        /** The name, or the id. */
        public String label() {
            return name == null ? id.toString() : name;
        }
    }

    /** What of a sample is kept over time. */
    public record Point(long timeMillis, double read, double written, double p50, double p99, double max) {}

    /** A dataflow was built anew after a failure. */
    public record Recovery(long timeMillis, long tookMillis) {}

    private final Identity identity;
    private final Deque<Point> points = new ArrayDeque<>();
    private final Deque<EpochFigures> epochs = new ArrayDeque<>();
    private final Deque<FailureFigures> failures = new ArrayDeque<>();
    private final Deque<Recovery> recoveries = new ArrayDeque<>();
    private State state = State.STARTING;
    private List<StageShape> stages = List.of();
    private String plan = "";
    private @Nullable DataflowSampler sampler;
    private @Nullable DataflowSample latest;
    private long epochUnderWay = -1;
    private long epochStartMillis;
    private long endMillis;
    private int recoveryCount;

    public QueryFigures(Identity identity) {
        this.identity = identity;
        this.epochStartMillis = identity.startMillis();
    }

    // Told by the query.

    /** @param planText what {@code explain} prints of the plans behind the dataflow */
    public synchronized void planned(List<StageShape> dataflow, String planText) {
        stages = dataflow;
        plan = planText;
    }

    /** A dataflow starts with an epoch. */
    public synchronized void running(DataflowMetrics metrics, long firstEpoch) {
        sampler = new DataflowSampler(metrics, System.nanoTime());
        state = State.RUNNING;
        epochUnderWay = firstEpoch;
        epochStartMillis = System.currentTimeMillis();
    }

    public synchronized void committed(EpochFigures epoch) {
        add(epochs, epoch, EPOCHS);
        epochUnderWay = epoch.epoch() + 1;
        epochStartMillis = epoch.endMillis();
    }

    /** The query failed; whether it goes on is said by {@link #recovering} or {@link #ended}. */
    public synchronized void failed(FailureFigures failure) {
        add(failures, failure, FAILURES);
    }

    public synchronized void recovering() {
        state = State.RECOVERING;
        sampler = null;
    }

    public synchronized void recovered(long tookMillis) {
        recoveryCount++;
        add(recoveries, new Recovery(System.currentTimeMillis(), tookMillis), FAILURES);
    }

    /** The run is over. What was failing then stands among the failures. */
    public synchronized void ended(boolean failed) {
        state = failed ? State.FAILED : State.STOPPED;
        sampler = null;
        endMillis = System.currentTimeMillis();
    }

    /** Takes a sample of the dataflow, where one is running. */
    public synchronized void sample() {
        DataflowSampler running = sampler;
        if (running == null) {
            return;
        }
        DataflowSample sample = running.next(System.currentTimeMillis(), System.nanoTime());
        latest = sample;
        DataflowSample.Latency latency = sample.latency();
        add(
                points,
                new Point(
                        sample.timeMillis(),
                        sample.rowsReadPerSecond(),
                        sample.rowsWrittenPerSecond(),
                        latency.p50(),
                        latency.p99(),
                        latency.max()),
                POINTS);
    }

    private static <T> void add(Deque<T> deque, T element, int most) {
        deque.addLast(element);
        if (deque.size() > most) {
            deque.removeFirst();
        }
    }

    // Asked by those who look.

    public Identity identity() {
        return identity;
    }

    public synchronized State state() {
        return state;
    }

    public synchronized boolean isActive() {
        return endMillis == 0;
    }

    /** When it ended, or 0. */
    public synchronized long endMillis() {
        return endMillis;
    }

    /** The stages in the order of the flow; none until the query is planned. */
    public synchronized List<StageShape> stages() {
        return stages;
    }

    public synchronized String plan() {
        return plan;
    }

    /** The last sample, also after the end; null before the first. */
    public synchronized @Nullable DataflowSample latest() {
        return latest;
    }

    /** The epoch under way, or -1 before the first. */
    public synchronized long epochUnderWay() {
        return epochUnderWay;
    }

    public synchronized long epochStartMillis() {
        return epochStartMillis;
    }

    public synchronized int recoveryCount() {
        return recoveryCount;
    }

    public synchronized List<Point> pointsSince(long timeMillis) {
        return points.stream().filter(point -> point.timeMillis() > timeMillis).toList();
    }

    /** The newest first. */
    public synchronized List<EpochFigures> epochs() {
        return newestFirst(epochs);
    }

    /** The newest first. */
    public synchronized List<FailureFigures> failures() {
        return newestFirst(failures);
    }

    /** The newest first. */
    public synchronized List<Recovery> recoveries() {
        return newestFirst(recoveries);
    }

    private static <T> List<T> newestFirst(Deque<T> deque) {
        List<T> list = new ArrayList<>(deque.size());
        deque.descendingIterator().forEachRemaining(list::add);
        return list;
    }
}
