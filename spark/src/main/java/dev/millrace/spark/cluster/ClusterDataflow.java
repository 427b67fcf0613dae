package dev.millrace.spark.cluster;

import dev.millrace.engine.epoch.BarrierTargets;
import dev.millrace.engine.epoch.DataflowFailedException;
import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.graph.Dataflow;
import dev.millrace.engine.graph.DriverReports;
import dev.millrace.engine.graph.PortionedSources;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.metrics.DataflowMetrics;
import dev.millrace.engine.network.LinkSettings;
import dev.millrace.engine.operator.EpochTime;
import dev.millrace.engine.source.PortionTarget;
import dev.millrace.engine.task.BarrierTarget;
import dev.millrace.engine.task.TaskReports;
import dev.millrace.spark.cluster.WorkerRoster.Member;
import dev.millrace.spark.fragment.TaskCopies;
import dev.millrace.spark.network.WorkerTransport.Address;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.apache.spark.sql.classic.SparkSession;
import org.jspecify.annotations.Nullable;

/**
 * A dataflow on the workers of a {@link Crew}: what {@code LocalDataflow} does by calls, this does by messages. The
 * epochs are coordinated here, in the driver.
 *
 * <p>Thread: {@link #start} and {@link #stop} the query's; reports come on one of Spark's.
 */
public final class ClusterDataflow implements Dataflow, AttemptListener {
    /** How long a worker may take to end its part. */
    private static final long STOP_NANOS = TimeUnit.SECONDS.toNanos(3);

    private final WorkerPool pool;
    private final Crew crew;
    private final Order order;
    private final EpochCoordinator coordinator;
    private final TaskReports reports;
    private final ClusterMetrics metrics;

    /** Guards what is below. */
    private final Object lock = new Object();

    private final Set<Integer> deployed = new HashSet<>();
    private final Set<Integer> connected = new HashSet<>();
    private final Set<Integer> begun = new HashSet<>();
    private final Set<Integer> gone = new HashSet<>();
    private long beginning = -1;
    private final List<String> alive = new ArrayList<>();
    private @Nullable DataflowFailedException failure;
    private boolean isStopping;

    /**
     * What is to run.
     *
     * @param attempt the name of this life of the dataflow, which no other has
     * @param deployment what each worker makes its part from
     * @param graph with the driver's sinks
     * @param coordinator of the attempt's epochs
     * @param epochTime hears which event times were seen, where epochs are bounded; else null
     * @param artifacts what the query's code may need
     * @param loader sees the query's classes
     */
    public record Order(
            String attempt,
            Deployment deployment,
            StreamGraph graph,
            EpochCoordinator coordinator,
            @Nullable EpochTime epochTime,
            SessionArtifacts artifacts,
            ClassLoader loader) {
        /** With what the query's session has now. Thread: the query's. */
        public static Order of(
                String attempt,
                Deployment deployment,
                StreamGraph graph,
                EpochCoordinator coordinator,
                @Nullable EpochTime epochTime,
                SparkSession session,
                ClassLoader loader) {
            return new Order(attempt, deployment, graph, coordinator, epochTime, SessionArtifacts.of(session), loader);
        }
    }

    public ClusterDataflow(WorkerPool pool, Crew crew, Order order) {
        this.pool = pool;
        this.crew = crew;
        this.order = order;
        this.coordinator = order.coordinator();
        this.reports = new DriverReports(order.graph(), coordinator);
        this.metrics = new ClusterMetrics(crew.size());
        PortionedSources portioned = new PortionedSources(order.graph());
        portioned.connect(crew.members().stream()
                .map(member -> (IntFunction<PortionTarget>) stage -> new WorkerPortions(order.attempt(), member, stage))
                .toList());
        List<BarrierTargets> targets = new ArrayList<>();
        targets.add(portioned.barrierTargets());
        crew.members().forEach(member -> targets.add(targets(member, portioned)));
        coordinator.barrierTargets(BarrierTargets.ofAll(targets));
    }

    private BarrierTargets targets(Member member, PortionedSources portioned) {
        Set<Integer> stages = portioned.stages();
        return new BarrierTargets(
                stages,
                stages.isEmpty() ? List.of() : List.of(new Worker(order.attempt(), member, true)),
                stages.size() * crew.loopCount(),
                portioned.areAll() ? List.of() : List.of(new Worker(order.attempt(), member, false)));
    }

    /**
     * A worker, which asks its own tasks.
     *
     * @param ofPortions those that read portions, or all others
     */
    private record Worker(String attempt, Member member, boolean ofPortions) implements BarrierTarget {
        @Override
        public void requestBarrier(long epoch) {
            member.send(new Command.Barrier(attempt, epoch, false, ofPortions));
        }

        @Override
        public void requestLastBarrier(long epoch) {
            member.send(new Command.Barrier(attempt, epoch, true, ofPortions));
        }
    }

    /** What a worker has of a source that is read in portions. */
    private record WorkerPortions(String attempt, Member member, int stageId) implements PortionTarget {
        @Override
        public void portion(Object share) {
            member.send(
                    new Command.Portion(attempt, stageId, TaskCopies.of(share).bytes()));
        }

        @Override
        public void endEpoch(long epoch, long portion) {
            member.send(new Command.EndEpoch(attempt, stageId, epoch, portion));
        }

        @Override
        public void settled(long portion, long reachedMicros) {
            member.send(new Command.Settled(attempt, stageId, portion, reachedMicros));
        }
    }

    /** Errors: {@link DataflowFailedException} where a worker fails, is lost, or does not answer in time. */
    @Override
    public void start() throws InterruptedException {
        pool.open(order.attempt(), crew, this);
        List<Address> addresses = crew.members().stream()
                .map(member -> member.registration().exchange())
                .toList();
        LinkSettings links = new LinkSettings(
                pool.settings().compresses(),
                TimeUnit.MILLISECONDS.toNanos(pool.settings().detectionMillis()));
        byte[] deployment = order.deployment().toBytes();
        tell(worker -> new Command.Deploy(
                order.attempt(), worker, addresses, crew.loopCount(), links, order.artifacts(), deployment));
        awaitAll(deployed, "deployed");
        tell(worker -> new Command.Connect(order.attempt()));
        awaitAll(connected, "connected");
        tell(worker -> new Command.Start(order.attempt()));
    }

    @Override
    public void beginEpoch(long epoch, long epochMillis, long watermarkMicros) throws InterruptedException {
        synchronized (lock) {
            begun.clear();
            beginning = epoch;
        }
        tell(worker -> new Command.Begin(order.attempt(), epoch, epochMillis, watermarkMicros));
        awaitAll(begun, "epoch begun");
    }

    private void tell(IntFunction<Command> command) {
        for (int worker = 0; worker < crew.size(); worker++) {
            crew.members().get(worker).send(command.apply(worker));
        }
    }

    private void awaitAll(Set<Integer> answered, String what) throws InterruptedException {
        long deadline = System.nanoTime()
                + TimeUnit.MILLISECONDS.toNanos(pool.settings().timeoutMillis());
        synchronized (lock) {
            while (answered.size() < crew.size()) {
                DataflowFailedException failed = failure;
                if (failed != null) {
                    throw failed;
                }
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (left <= 0) {
                    throw new DataflowFailedException("start", late(answered, what));
                }
                lock.wait(left);
            }
        }
    }

    private MillraceException late(Set<Integer> answered, String what) {
        List<String> missing = new ArrayList<>();
        for (int worker = 0; worker < crew.size(); worker++) {
            if (!answered.contains(worker)) {
                missing.add(crew.members().get(worker).told());
            }
        }
        return new MillraceException(
                ErrorCode.WORKER_LOST,
                ("Cannot run the query on executors: %s=%d of %d after %d ms, missing %s. See these executors' logs; raise "
                                + "spark.millrace.workers.timeout if they only need more time.")
                        .formatted(
                                what,
                                answered.size(),
                                crew.size(),
                                pool.settings().timeoutMillis(),
                                missing));
    }

    @Override
    public EpochCoordinator epochs() {
        return coordinator;
    }

    @Override
    public DataflowMetrics metrics() {
        return metrics;
    }

    @Override
    public void reported(Member from, WorkerReport report) {
        int worker = crew.indexOf(from);
        if (worker < 0) {
            return;
        }
        try {
            take(worker, report);
        } catch (RuntimeException e) {
            boolean unused = fail("worker %d".formatted(worker), e); // on a thread of Spark's nobody else would see it
        }
    }

    private void take(int worker, WorkerReport report) {
        if (report instanceof WorkerReport.Deployed) {
            answered(deployed, worker);
        } else if (report instanceof WorkerReport.Connected) {
            answered(connected, worker);
        } else if (report instanceof WorkerReport.Begun began) {
            synchronized (lock) {
                if (began.epoch() == beginning) {
                    answered(begun, worker);
                }
            }
        } else if (report instanceof WorkerReport.Stopped stopped) {
            synchronized (lock) {
                alive.addAll(stopped.alive());
            }
            answered(gone, worker);
        } else if (report instanceof WorkerReport.Failed failed) {
            boolean unused = fail(failed.where(), ObjectBytes.error(failed.error(), order.loader()));
        } else if (report instanceof WorkerReport.CutOff cutOff) {
            Throwable error = ObjectBytes.error(cutOff.error(), order.loader());
            if (fail("connection between workers", error)) {
                pool.cutOff(crew.members().get(worker), crew.members().get(cutOff.peer()));
            }
        } else if (report instanceof WorkerReport.Sampled sampled) {
            metrics.took(worker, MetricsSample.fromBytes(sampled.sample()));
        } else {
            pass(report);
        }
    }

    private void answered(Set<Integer> set, int worker) {
        synchronized (lock) {
            set.add(worker);
            lock.notifyAll();
        }
    }

    /** What tasks report for an epoch. */
    @SuppressWarnings("unchecked") // as the worker's part wrote it
    private void pass(WorkerReport report) {
        if (report instanceof WorkerReport.Positions positions) {
            Object found = ObjectBytes.from(positions.positions(), order.loader());
            reports.sourcePositions(
                    positions.stageId(),
                    positions.taskIndex(),
                    positions.epoch(),
                    positions.partitionIndexes(),
                    (List<Object>) Objects.requireNonNull(found, "positions"),
                    positions.rowsRead());
        } else if (report instanceof WorkerReport.BarrierTaken taken) {
            reports.barrierTaken(taken.stageId(), taken.taskIndex(), taken.epoch());
        } else if (report instanceof WorkerReport.PortionEnded ended) {
            reports.portionEnded(ended.stageId(), ended.portion(), ended.maxMicros());
        } else if (report instanceof WorkerReport.EventTimesSeen seen) {
            EpochTime time = Objects.requireNonNull(order.epochTime(), "bounded epochs");
            seen.times().forEach(time::observed);
        } else if (report instanceof WorkerReport.SinkPrepared prepared) {
            reports.sinkPrepared(
                    prepared.stageId(),
                    prepared.taskIndex(),
                    prepared.epoch(),
                    ObjectBytes.from(prepared.message(), order.loader()),
                    prepared.rowsWritten());
        } else if (report instanceof WorkerReport.Observed observed) {
            reports.observed(observed.operator(), observed.epoch(), observed.observation());
        } else if (report instanceof WorkerReport.SnapshotStored stored) {
            reports.snapshotStored(stored.epoch(), stored.snapshot());
        }
    }

    /** Whether it is this that ends the attempt: what comes behind an end is of no account. */
    private boolean fail(String where, Throwable cause) {
        synchronized (lock) {
            if (isStopping || failure != null) {
                return false;
            }
            failure = new DataflowFailedException(where, cause);
            lock.notifyAll();
        }
        coordinator.failed(where, cause);
        return true;
    }

    @Override
    public boolean runsOn(Member member) {
        return crew.indexOf(member) >= 0;
    }

    @Override
    public void lost(Member member, String why) {
        int worker = crew.indexOf(member);
        if (worker >= 0) {
            answered(gone, worker);
            boolean unused = fail(
                    "worker %d".formatted(worker),
                    new MillraceException(
                            ErrorCode.WORKER_LOST,
                            ("Cannot go on with a worker: %s, %s. The query goes on from its checkpoint with the workers that "
                                            + "are there; look at that executor's log if this comes again.")
                                    .formatted(member.told(), why)));
        }
    }

    /**
     * Ends the parts of all workers. One that does not say so in time counts as lost from then on: it may be cut
     * off, and whatever it still does, nobody takes it.
     */
    @Override
    public List<String> stop() {
        boolean interrupted = false;
        synchronized (lock) {
            isStopping = true;
        }
        tell(worker -> new Command.Stop(order.attempt()));
        long deadline = System.nanoTime()
                + STOP_NANOS
                + TimeUnit.MILLISECONDS.toNanos(pool.settings().detectionMillis());
        List<String> left;
        Set<Integer> silent = new HashSet<>();
        synchronized (lock) {
            while (gone.size() < crew.size() && deadline - System.nanoTime() > 0) {
                try {
                    lock.wait(Math.max(1, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime())));
                } catch (InterruptedException e) {
                    interrupted = true; // who stops may be told to hurry; the workers must still end
                }
            }
            for (int worker = 0; worker < crew.size(); worker++) {
                if (!gone.contains(worker)) {
                    silent.add(worker);
                }
            }
            left = List.copyOf(alive);
        }
        pool.close(order.attempt());
        silent.forEach(worker -> pool.dismiss(
                crew.members().get(worker),
                "it did not end attempt=%s when it was told to".formatted(order.attempt())));
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return left;
    }
}
