package dev.millrace.spark.cluster;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.cluster.WorkerRoster.Member;
import dev.millrace.spark.settings.ClusterSettings;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.apache.spark.SparkContext;
import org.apache.spark.rpc.RpcEndpointRef;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.apache.spark.scheduler.SparkListenerExecutorAdded;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.status.api.v1.ExecutorSummary;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The workers of an application, which all its queries share: has their tasks started, knows who is there, hears
 * when one is gone, and passes on what driver and workers say to each other. A worker counts as lost when its
 * connection breaks, when Spark removes its executor, or when it says nothing for the detection time.
 *
 * <p>Lifetime: from the first query that wants workers until a while after the last one, or the application's end.
 * Thread: any.
 */
public final class WorkerPool {
    /** As many workers as there are executors. */
    public static final int ALL = ClusterSettings.ALL;

    private static final Logger LOG = LoggerFactory.getLogger(WorkerPool.class);
    private static final long LOOK_MILLIS = 100;

    /** Spark's default for {@code spark.executor.cores} on YARN and Kubernetes. */
    private static final int ONE_BY_DEFAULT = 1;

    private static final long MAX_TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** Beats in the time after which silence counts as loss. */
    private static final int BEATS_PER_LIMIT = 5;

    /** How long workers stay when no query wants them. */
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** How often workers that do not reach each other are made to try. */
    private static final long PROBE_NANOS = TimeUnit.SECONDS.toNanos(2);

    /** So long the number of workers must stay the same before a running query goes by it. */
    private static final long SETTLED_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final AtomicInteger NUMBER = new AtomicInteger();
    private static @Nullable WorkerPool current;

    private final SparkContext context;
    private final ClusterSettings settings;
    private final String name = "millrace-workers-" + NUMBER.incrementAndGet();
    private final WorkerRoster roster = new WorkerRoster();
    private final BrokenPairs broken = new BrokenPairs();
    private final Map<String, AttemptListener> attempts = new ConcurrentHashMap<>();

    /** For each query, by its own object, how many workers it wants. */
    private final Map<Object, Integer> wants = new ConcurrentHashMap<>();

    private final ScheduledExecutorService ticker;
    private final RpcEndpointRef endpoint;
    private final Listener listener = new Listener();

    /** Made once an executor is known, by the ticker. */
    private volatile @Nullable WorkerJobs jobs;

    private volatile int cpus;
    private volatile long changedNanos = System.nanoTime();
    private long lastTickNanos = System.nanoTime();
    private long lastProbeNanos = System.nanoTime();

    /** Of workers that are more than the queries want that want some; and of all, when none does. */
    private final Surplus surplus;

    private final Surplus unwanted;
    private volatile boolean isClosed;

    private WorkerPool(SparkContext context, ClusterSettings settings) {
        this.context = context;
        this.settings = settings;
        // With dynamic allocation Spark itself keeps an executor for a while.
        long patienceNanos = WorkerJobs.isAllocatedDynamically(context) ? SETTLED_NANOS : LINGER_NANOS;
        this.surplus = new Surplus(patienceNanos, System.nanoTime());
        this.unwanted = new Surplus(LINGER_NANOS, System.nanoTime());
        this.endpoint = Rpc.open(context.env().rpcEnv(), name, new Incoming());
        this.ticker = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        });
        context.addSparkListener(listener);
        long interval = Math.min(MAX_TICK_NANOS, detectionNanos() / BEATS_PER_LIMIT);
        var unused = ticker.scheduleWithFixedDelay(this::tick, 0, interval, TimeUnit.NANOSECONDS);
    }

    /**
     * The pool of an application, in which {@code query} wants so many workers from now on.
     *
     * @param settings those of the first query hold for all
     */
    public static synchronized WorkerPool join(
            SparkContext context, ClusterSettings settings, Object query, int workers) {
        WorkerPool pool = current;
        if (pool == null || pool.isClosed || pool.context != context) {
            pool = new WorkerPool(context, settings);
            current = pool;
        }
        pool.want(query, workers);
        return pool;
    }

    /** A query wants so many workers from now on. */
    public void want(Object query, int workers) {
        wants.put(query, workers);
    }

    /** A query wants none any more. */
    public void leave(Object query) {
        wants.remove(query);
    }

    private long detectionNanos() {
        return TimeUnit.MILLISECONDS.toNanos(settings.detectionMillis());
    }

    /**
     * Waits until there are enough workers for a query and gives as many as it wants, those that are there longest
     * first.
     *
     * <p>Errors: WORKERS_MISSING when the time is up and there are too few; for who wants all, one is enough then.
     *
     * @param least with so many it goes on rather than wait for more
     */
    public Crew await(Object query, int least, long timeoutMillis) throws InterruptedException {
        int wanted = wants.getOrDefault(query, 1);
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
        synchronized (roster) {
            while (true) {
                List<Member> all = roster.members();
                List<Member> there = broken.without(all);
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                boolean isWhole = wanted == ALL ? left <= 0 || isSettled() && isEverywhere(all) : all.size() >= wanted;
                if (!there.isEmpty() && (isWhole || there.size() >= least)) {
                    return new Crew(
                            there.subList(0, Math.min(wanted, there.size())),
                            settings.loopCount() > 0 ? settings.loopCount() : cpus);
                }
                if (left <= 0 || isClosed) {
                    throw missing(wanted, there, timeoutMillis);
                }
                roster.wait(Math.min(left, LOOK_MILLIS));
            }
        }
    }

    private boolean isSettled() {
        return System.nanoTime() - changedNanos >= SETTLED_NANOS;
    }

    private boolean isEverywhere(List<Member> there) {
        return there.size() >= WorkerJobs.sought(context, ALL);
    }

    /** With dynamic allocation nothing asks Spark for executors whose cores nobody knows. */
    private boolean knowsNoCores() {
        return jobs == null && WorkerJobs.isAllocatedDynamically(context);
    }

    private MillraceException missing(int wanted, List<Member> there, long timeoutMillis) {
        if (knowsNoCores()) {
            return new MillraceException(
                    ErrorCode.WORKERS_MISSING,
                    ("Cannot run the query on executors: workers wanted=%s, executors=0, waited %d ms. With dynamic "
                                    + "allocation Spark is asked for executors only where it is known how many cores each "
                                    + "will have: set spark.executor.cores to two or more.")
                            .formatted(wanted == ALL ? "all" : wanted, timeoutMillis));
        }
        return new MillraceException(
                ErrorCode.WORKERS_MISSING,
                ("Cannot run the query on executors: workers wanted=%s, registered=%d (%s), executors=%d, waited %d ms. Each "
                                + "worker needs an executor with %d free cores; give the application more executors, lower "
                                + "spark.millrace.workers or spark.millrace.loops, or raise spark.millrace.workers.timeout.")
                        .formatted(
                                wanted == ALL ? "all" : wanted,
                                there.size(),
                                there.stream().map(Member::told).collect(Collectors.joining("; ")),
                                context.isStopped()
                                        ? 0
                                        : WorkerJobs.executors(context).size(),
                                timeoutMillis,
                                Math.max(1, cpus)));
    }

    /**
     * Whether a query would be given other workers than it has, and has been for a moment.
     *
     * @param crewSize how many it has
     */
    public boolean isOutdated(Object query, int crewSize) {
        int would = Math.min(
                wants.getOrDefault(query, crewSize),
                broken.without(roster.members()).size());
        return would > 0 && would != crewSize && isSettled();
    }

    /**
     * The cores of the application's smallest executor; waits for the first one. 0 where none came in time, and the
     * application does not say how many they have.
     */
    public static int awaitCores(SparkContext context, long timeoutMillis) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
        int cores = executorCores(context);
        while (cores < 1 && deadline - System.nanoTime() > 0) {
            Thread.sleep(LOOK_MILLIS); // once for a query's start, before there is a pool that listens
            cores = executorCores(context);
        }
        return cores;
    }

    /** An attempt begins on a crew, some of which may be gone already. */
    void open(String attempt, Crew crew, AttemptListener hears) {
        attempts.put(attempt, hears);
        List<Member> there = roster.members();
        for (Member member : crew.members()) {
            if (!there.contains(member)) {
                hears.lost(member, "it was gone before the query began");
            }
        }
    }

    void close(String attempt) {
        attempts.remove(attempt);
    }

    ClusterSettings settings() {
        return settings;
    }

    /** A worker does not answer: it counts as lost, whatever it says from now on. */
    void dismiss(Member member, String why) {
        if (roster.dismiss(member.incarnation())) {
            member.send(new Command.Retire());
            lost(member, why);
        }
    }

    /** Two workers cannot exchange rows, though both are heard. */
    void cutOff(Member one, Member other) {
        if (broken.failed(one, other)) {
            LOG.warn(
                    "Two workers do not reach each other, so queries run without one of them until they do: {} and {}.",
                    one.told(),
                    other.told());
            changed();
        }
    }

    /** The workers of a crew have committed an epoch together. */
    public void worked(Crew crew) {
        broken.worked(crew.members());
    }

    /** Which workers do not reach each other, in words; empty where all do. */
    public String cutOffTold() {
        return broken.among(roster.members()).stream()
                .map(BrokenPairs.Broken::told)
                .collect(Collectors.joining("; "));
    }

    /** Has workers that do not reach each other try it. */
    private void probe() {
        for (BrokenPairs.Broken pair : broken.among(roster.members())) {
            Member older = pair.older();
            pair.younger().send(new Command.Probe(older.registration().exchange(), older.incarnation()));
        }
    }

    private void lost(Member member, String why) {
        LOG.warn("A worker is lost: {}, {}.", member.told(), why);
        changed();
        attempts.values().forEach(attempt -> attempt.lost(member, why));
    }

    private void changed() {
        changedNanos = System.nanoTime();
        synchronized (roster) {
            roster.notifyAll();
        }
    }

    /** Thread: the ticker's. */
    private void tick() {
        try {
            long now = System.nanoTime();
            if (now - lastTickNanos > detectionNanos() / 2) {
                roster.forgive(now); // the driver was away itself, and could hear nobody
            }
            lastTickNanos = now;
            for (Member member : roster.silent(now, detectionNanos())) {
                member.send(new Command.Retire());
                lost(member, "it said nothing for %d ms".formatted(settings.detectionMillis()));
            }
            if (now - lastProbeNanos >= PROBE_NANOS) {
                lastProbeNanos = now;
                probe();
            }
            int wanted = wanted();
            if (wanted > 0) {
                endSurplus(wanted, now);
                fill(wanted);
            }
            if (unwanted.due(1, wanted, true, now) > 0) {
                close();
            }
        } catch (RuntimeException e) {
            if (!context.isStopped()) {
                LOG.warn("The workers could not be looked after; it is tried again.", e);
            }
        }
    }

    /** How many workers the query wants that wants the most. */
    private int wanted() {
        return wants.values().stream().mapToInt(Integer::intValue).max().orElse(0);
    }

    /**
     * Ends workers that are more than any query wants, the youngest of them, so that their executors are free for others.
     * Where some do not reach each other, nobody knows which are wanted.
     */
    private void endSurplus(int wanted, long now) {
        List<Member> all = roster.members();
        int due = surplus.due(all.size(), wanted, broken.among(all).isEmpty(), now);
        for (Member member : all.subList(all.size() - due, all.size())) {
            boolean isFree = attempts.values().stream().noneMatch(attempt -> attempt.runsOn(member));
            if (isFree && roster.dismiss(member.incarnation())) {
                LOG.info("A worker ends, because no query wants it any more: {}.", member.told());
                member.send(new Command.End());
                attempts.values().forEach(attempt -> attempt.lost(member, "no query wanted it any more"));
            }
        }
    }

    private void fill(int wanted) {
        WorkerJobs to = jobs;
        if (to == null) {
            int cores = executorCores(context);
            if (cores < 1) {
                return; // no executor is there yet, and nothing says how many cores it will have
            }
            cpus = Math.min(cores, settings.loopCount() > 0 ? settings.loopCount() : Math.max(1, cores - 1));
            to = new WorkerJobs(context, new WorkerOrder(name, cpus, settings.detectionMillis()), cores);
            jobs = to;
        }
        to.fill(
                wanted,
                roster.members().stream()
                        .map(member -> member.registration().executorId())
                        .collect(Collectors.toSet()));
    }

    /** 0 where nothing says it yet: a standalone master's executors have what their machines have. */
    private static int executorCores(SparkContext context) {
        String master = context.master();
        int otherwise = master.startsWith("yarn") || master.startsWith("k8s") ? ONE_BY_DEFAULT : 0;
        return context.getConf()
                .getInt(
                        "spark.executor.cores",
                        WorkerJobs.executors(context).stream()
                                .mapToInt(ExecutorSummary::totalCores)
                                .min()
                                .orElse(otherwise));
    }

    /** What comes from workers. Thread: one of Spark's. */
    private final class Incoming implements Rpc.Handler {
        @Override
        public void received(byte[] message) {
            WorkerReport.Sent sent = WorkerReport.fromBytes(message);
            Member from = roster.heard(sent.incarnation(), System.nanoTime());
            if (from != null && sent.report() instanceof WorkerReport.Reached reached) {
                if (broken.reached(from.incarnation(), reached.incarnation())) {
                    LOG.info("A worker reaches another again: {}.", from.told());
                    changed();
                }
                return;
            }
            AttemptListener attempt = attempts.get(sent.report().attempt());
            if (from != null && attempt != null) {
                attempt.reported(from, sent.report());
            }
        }

        /** A question is a registration or, of eight bytes, a heartbeat; that is told whether it is known. */
        @Override
        public byte[] asked(byte[] question, RpcEndpointRef from, String address) {
            if (question.length == Long.BYTES) {
                long incarnation = new FieldReader(question).longNumber();
                boolean isKnown = roster.heard(incarnation, System.nanoTime()) != null;
                return new FieldWriter().flag(isKnown).toBytes();
            }
            Registration registration = Registration.fromBytes(question);
            if (isClosed) {
                return Admission.refused("no query wants workers any more").toBytes();
            }
            int wanted = wanted();
            if (wanted > 0 && roster.members().size() >= wanted) {
                return Admission.refused("there are as many workers as any query wants")
                        .toBytes();
            }
            Member member = roster.admit(registration, address, from::send, System.nanoTime());
            if (member == null) {
                return Admission.refused("the executor has a worker").toBytes();
            }
            LOG.info("A worker is there: {}.", member.told());
            changed();
            return new Admission(member.incarnation(), detectionNanos() / BEATS_PER_LIMIT, "").toBytes();
        }

        @Override
        public void disconnected(String address) {
            roster.disconnected(address).forEach(member -> lost(member, "its connection broke"));
        }
    }

    /** Hears of executors, so that nothing waits for the next tick. Thread: the listener bus's. */
    private final class Listener extends SparkListener {
        @Override
        public void onExecutorAdded(SparkListenerExecutorAdded added) {
            changed();
        }

        @Override
        public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
            Member member = roster.ofExecutor(removed.executorId());
            if (member != null && roster.dismiss(member.incarnation())) {
                lost(member, "Spark removed its executor: " + removed.reason());
            }
        }

        @Override
        public void onApplicationEnd(SparkListenerApplicationEnd end) {
            close();
        }
    }

    /** Ends all workers. */
    private void close() {
        isClosed = true;
        ticker.shutdown();
        roster.members().forEach(member -> member.send(new Command.End()));
        if (!context.isStopped()) {
            WorkerJobs started = jobs;
            if (started != null) {
                started.cancel();
            }
            context.env().rpcEnv().stop(endpoint);
            context.removeSparkListener(listener);
        }
        changed();
    }

    /** The pool of this process's application. */
    static synchronized WorkerPool running() {
        return Objects.requireNonNull(current, "a pool that a query has joined");
    }

    /** Who is there now. */
    List<Member> members() {
        return roster.members();
    }
}
