package dev.millrace.spark.cluster;

import dev.millrace.engine.epoch.BarrierTargets;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.graph.Placement;
import dev.millrace.engine.graph.WorkerDataflow;
import dev.millrace.engine.metrics.EventTimes;
import dev.millrace.engine.metrics.LatencyRecorder;
import dev.millrace.engine.network.Hello;
import dev.millrace.engine.network.LinkListener;
import dev.millrace.engine.network.PeerLink;
import dev.millrace.engine.network.Reception;
import dev.millrace.engine.operator.EpochTime;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.StoredSnapshot;
import dev.millrace.engine.task.BarrierTarget;
import dev.millrace.engine.task.TaskReports;
import dev.millrace.spark.fragment.TaskCopies;
import dev.millrace.spark.network.WorkerTransport;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A worker's part in one attempt, a life of a query's dataflow: its tasks, and its connections to the other workers
 * of the attempt. What its tasks report goes to the driver.
 *
 * <p>Thread: commands run one after the other on a thread of the attempt's own, so that none holds up another
 * query's; reports come from any.
 */
final class WorkerAttempt implements LinkListener, TaskReports {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerAttempt.class);
    private static final long SAMPLE_MILLIS = 1_000;

    private final Command.Deploy deploy;
    private final String attempt;
    private final WorkerTransport transport;
    private final Reception reception;
    private final ArtifactClasses classes;
    private final Consumer<WorkerReport> driver;
    private final ScheduledExecutorService thread;
    private final Map<Integer, PeerLink> links = new TreeMap<>();
    private final AtomicInteger opened = new AtomicInteger();

    /** Taken by what comes first: the start of the tasks, or an end before it, which then has nothing to wait for. */
    private final AtomicBoolean isStartedOrEnded = new AtomicBoolean();

    private @Nullable WorkerDataflow dataflow;

    /** The time and watermark of bounded epochs on this worker; null where epochs are continuous. */
    private volatile @Nullable EpochTime epochTime;

    private PreparedWriters writers = new PreparedWriters(0);
    private LatencyRecorder.@Nullable Reader latency;
    private volatile long lastBarrier = -1;

    WorkerAttempt(
            Command.Deploy deploy,
            WorkerTransport transport,
            Reception reception,
            ArtifactClasses classes,
            Consumer<WorkerReport> driver) {
        this.deploy = deploy;
        this.attempt = deploy.attempt();
        this.transport = transport;
        this.reception = reception;
        this.classes = classes;
        this.driver = driver;
        this.thread = Executors.newSingleThreadScheduledExecutor(body -> {
            Thread made = new Thread(body, "millrace-%s-commands".formatted(attempt));
            made.setDaemon(true);
            return made;
        });
    }

    /**
     * Does what the driver says, after what it said before. Only a stop before the start is answered at once: the part
     * may be long in the making, in a process that loads its classes for the first time, and nothing of it runs.
     * Thread: any.
     */
    void take(Command command) {
        if (command instanceof Command.Stop && isStartedOrEnded.compareAndSet(false, true)) {
            driver.accept(new WorkerReport.Stopped(attempt, List.of()));
            abandon();
        } else {
            run(() -> obey(command));
        }
    }

    /** Ends it all, and tells nobody. Thread: any. */
    void abandon() {
        run(() -> {
            List<String> alive = stop();
            LOG.info("Attempt {} ended here; threads that go on: {}.", attempt, alive);
        });
    }

    private interface Body {
        void run() throws Exception;
    }

    private void run(Body body) {
        try {
            thread.execute(() -> {
                try {
                    body.run();
                } catch (Throwable t) {
                    failed("worker %d".formatted(deploy.worker()), t); // the driver decides what becomes of it
                }
            });
        } catch (RejectedExecutionException e) {
            LOG.debug("Attempt {} has ended already.", attempt, e);
        }
    }

    private void obey(Command command) throws IOException, InterruptedException {
        if (command instanceof Command.Deploy) {
            build();
            driver.accept(new WorkerReport.Deployed(attempt));
        } else if (command instanceof Command.Connect) {
            connect();
        } else if (command instanceof Command.Start && isStartedOrEnded.compareAndSet(false, true)) {
            running().start();
            var unused =
                    thread.scheduleWithFixedDelay(this::sample, SAMPLE_MILLIS, SAMPLE_MILLIS, TimeUnit.MILLISECONDS);
        } else if (command instanceof Command.Barrier barrier) {
            ask(barrier);
        } else if (command instanceof Command.Stop) {
            driver.accept(new WorkerReport.Stopped(attempt, stop()));
        } else {
            obeyOfPortions(command);
        }
    }

    private void ask(Command.Barrier barrier) {
        lastBarrier = barrier.epoch();
        BarrierTargets targets = running().barrierTargets();
        for (BarrierTarget target : barrier.ofPortions() ? targets.portioned() : targets.others()) {
            if (barrier.isLast()) {
                target.requestLastBarrier(barrier.epoch());
            } else {
                target.requestBarrier(barrier.epoch());
            }
        }
    }

    private void obeyOfPortions(Command command) {
        if (command instanceof Command.Begin begin) {
            Objects.requireNonNull(epochTime, "bounded epochs").begin(begin.epochMillis(), begin.watermarkMicros());
            driver.accept(new WorkerReport.Begun(attempt, begin.epoch()));
        } else if (command instanceof Command.Portion portion) {
            Object share = TaskCopies.ofBytes(portion.share()).copy();
            running().portionTarget(portion.stageId()).portion(share);
        } else if (command instanceof Command.EndEpoch end) {
            running().portionTarget(end.stageId()).endEpoch(end.epoch(), end.portion());
        } else if (command instanceof Command.Settled settled) {
            running().portionTarget(settled.stageId()).settled(settled.portion(), settled.reachedMicros());
        }
    }

    private WorkerDataflow running() {
        return Objects.requireNonNull(dataflow, "a dataflow that was deployed");
    }

    private void build() throws IOException, InterruptedException {
        ClassLoader loader = classes.with(deploy.artifacts());
        Thread.currentThread().setContextClassLoader(loader);
        int own = deploy.worker();
        for (int other = 0; other < deploy.workers().size(); other++) {
            if (other == own) {
                continue;
            }
            boolean connects = other < own;
            Hello hello = new Hello(attempt, Math.max(own, other), Math.min(own, other));
            PeerLink link = new PeerLink(hello, connects, deploy.links(), this, System::nanoTime);
            links.put(other, link);
        }
        Deployment deployment = Deployment.fromBytes(deploy.deployment(), loader);
        EpochTime ofEpochs = deployment.isBounded() ? new EpochTime() : null;
        epochTime = ofEpochs;
        WorkerDataflow built = deployment.create(
                new Placement(own, deploy.workers().size(), deploy.loopCount()),
                other -> Objects.requireNonNull(links.get(other), "a link to another worker"),
                this,
                loader,
                ofEpochs == null ? System::currentTimeMillis : ofEpochs);
        dataflow = built;
        writers = new PreparedWriters(built.writingTaskCount());
        latency = built.metrics().latency().newReader();
        for (PeerLink link : incoming()) {
            reception.expect(link);
        }
    }

    private Collection<PeerLink> incoming() {
        List<PeerLink> incoming = new ArrayList<>();
        links.forEach((other, link) -> {
            if (other > deploy.worker()) {
                incoming.add(link);
            }
        });
        return incoming;
    }

    private void connect() throws InterruptedException {
        for (int other = 0; other < deploy.worker(); other++) {
            try {
                transport.connect(deploy.workers().get(other), Objects.requireNonNull(links.get(other)));
            } catch (MillraceException e) {
                cutOff(other, e);
                return;
            }
        }
        if (links.isEmpty()) {
            driver.accept(new WorkerReport.Connected(attempt));
        }
    }

    @Override
    public void opened(PeerLink link) {
        if (opened.incrementAndGet() == links.size()) {
            driver.accept(new WorkerReport.Connected(attempt));
        }
    }

    @Override
    public void failed(PeerLink link, MillraceException cause) {
        cutOff(link.peer(), cause);
    }

    private void cutOff(int peer, MillraceException cause) {
        driver.accept(new WorkerReport.CutOff(attempt, peer, ObjectBytes.ofError(cause)));
    }

    private List<String> stop() {
        for (PeerLink link : links.values()) {
            reception.forget(link);
            link.close();
        }
        thread.shutdown();
        WorkerDataflow built = dataflow;
        return built == null ? List.of() : built.stop();
    }

    /** Thread: any. */
    private void sample() {
        WorkerDataflow built = dataflow;
        LatencyRecorder.Reader reader = latency;
        if (built != null && reader != null) {
            MetricsSample now = MetricsSample.of(built.metrics(), reader.interval(), lastBarrier, System.nanoTime());
            driver.accept(new WorkerReport.Sampled(attempt, now.toBytes()));
        }
    }

    @Override
    public void sourcePositions(
            int stageId,
            int taskIndex,
            long epoch,
            List<Integer> partitionIndexes,
            List<Object> positions,
            long rowsRead) {
        driver.accept(new WorkerReport.Positions(
                attempt,
                stageId,
                taskIndex,
                epoch,
                partitionIndexes,
                ObjectBytes.of(new ArrayList<>(positions)),
                rowsRead));
    }

    @Override
    public void barrierTaken(int stageId, int taskIndex, long epoch) {
        driver.accept(new WorkerReport.BarrierTaken(attempt, stageId, taskIndex, epoch));
    }

    /**
     * Before the epoch can be complete, the driver knows what was counted in it. One sample tells it of all tasks
     * here: what the driver has to read for an epoch is to grow with the workers and not with their loops.
     */
    @Override
    public void sinkPrepared(int stageId, int taskIndex, long epoch, @Nullable Object message, long rowsWritten) {
        if (writers.isLast(epoch)) {
            tellEventTimes();
            sample();
        }
        driver.accept(new WorkerReport.SinkPrepared(
                attempt, stageId, taskIndex, epoch, ObjectBytes.of(message), rowsWritten));
    }

    /** All tasks here have passed the epoch's barrier, and the next bounded epoch does not begin before this one is complete. */
    private void tellEventTimes() {
        EpochTime time = epochTime;
        Map<String, EventTimes> seen = time == null ? Map.of() : time.takeObserved();
        if (!seen.isEmpty()) {
            driver.accept(new WorkerReport.EventTimesSeen(attempt, seen));
        }
    }

    @Override
    public void portionEnded(int stageId, long portion, long maxMicros) {
        driver.accept(new WorkerReport.PortionEnded(attempt, stageId, portion, maxMicros));
    }

    @Override
    public void observed(OperatorId operator, long epoch, byte[] observation) {
        driver.accept(new WorkerReport.Observed(attempt, operator, epoch, observation));
    }

    @Override
    public void snapshotStored(long epoch, StoredSnapshot snapshot) {
        driver.accept(new WorkerReport.SnapshotStored(attempt, epoch, snapshot));
    }

    @Override
    public void failed(String where, Throwable cause) {
        driver.accept(new WorkerReport.Failed(attempt, where, ObjectBytes.ofError(cause)));
    }
}
