package dev.millrace.spark.cluster;

import dev.millrace.engine.network.Reception;
import dev.millrace.spark.network.WorkerTransport;
import dev.millrace.spark.network.WorkerTransport.Address;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.rpc.RpcEndpointRef;
import org.apache.spark.util.RpcUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A worker: what its task does for as long as it runs. It registers with the driver, says every now and then that
 * it is there, and does what it is told to, for any number of attempts of any number of queries. A failure of one
 * of these is reported and not thrown, so that the task lives on. When the driver does not count it among its own
 * any more, it ends all that it runs and registers anew.
 *
 * <p>Thread: the task's, but for commands, which come on one of Spark's.
 */
final class WorkerProcess implements Rpc.Handler, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerProcess.class);

    /** One in each process. */
    private static final AtomicBoolean IS_TAKEN = new AtomicBoolean();

    private static final String CONNECT_TIMEOUT = "spark.rpc.io.connectionCreationTimeout";

    /** How often a task looks whether it was interrupted. */
    private static final long LOOK_MILLIS = 100;

    private static final long ASK_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final TaskContext task;
    private final WorkerOrder order;
    private final ArtifactClasses classes =
            new ArtifactClasses(Thread.currentThread().getContextClassLoader());
    private final RpcEndpointRef driver;
    private final RpcEndpointRef own;
    private final Reception reception =
            new Reception(refusal -> LOG.warn("A connection from another worker was not let in: {}", refusal));
    private final WorkerTransport transport;
    private final Registration registration;
    private final Map<String, WorkerAttempt> attempts = new ConcurrentHashMap<>();

    /** Changes when the worker registers anew; what was sent under an old one counts for nothing. */
    private volatile long incarnation = Admission.REFUSED;

    private volatile boolean isRetired;
    private volatile boolean isOver;

    private WorkerProcess(TaskContext task, WorkerOrder order) {
        this.task = task;
        this.order = order;
        SparkEnv environment = SparkEnv.get();
        String host = environment.blockManager().blockManagerId().host();
        String bound = environment.conf().get("spark.executor.bindAddress", host);
        // A connection that does not come is to be noticed as soon as one that breaks.
        SparkConf conf = environment.conf().clone().setIfMissing(CONNECT_TIMEOUT, order.connectMillis() + "ms");
        transport = WorkerTransport.open(
                conf, environment.securityManager(), new Address(bound, 0), order.cpus(), reception);
        driver = RpcUtils.makeDriverRef(order.endpoint(), environment.conf(), environment.rpcEnv());
        own = Rpc.open(environment.rpcEnv(), order.endpoint() + "-worker-" + task.taskAttemptId(), this);
        registration = new Registration(
                environment.executorId(),
                new Address(host, transport.port()),
                order.cpus(),
                ProcessHandle.current().pid());
    }

    /** The body of a worker's task. A task that finds its process taken ends at once. */
    static void run(WorkerOrder order) throws InterruptedException {
        if (!IS_TAKEN.compareAndSet(false, true)) {
            LOG.info("This executor has a worker, so another one is not needed.");
            return;
        }
        try (WorkerProcess worker = new WorkerProcess(TaskContext.get(), order)) {
            worker.work();
        } finally {
            IS_TAKEN.set(false);
        }
    }

    private void work() throws InterruptedException {
        while (!isOver && !task.isInterrupted()) {
            isRetired = false;
            Admission admission = Admission.fromBytes(Rpc.ask(driver, registration.toBytes(), own, ASK_NANOS));
            if (!admission.isAdmitted()) {
                LOG.info("The driver wants no worker here: {}.", admission.refusal());
                return;
            }
            incarnation = admission.incarnation();
            LOG.info("This executor is a worker: incarnation={}, {}.", incarnation, registration);
            beat(admission.heartbeatNanos());
            stopAttempts();
        }
    }

    /** Says that it is there until it is to end or to register anew. */
    private void beat(long intervalNanos) throws InterruptedException {
        byte[] heartbeat = new FieldWriter().number(incarnation).toBytes();
        long next = System.nanoTime();
        while (!isOver && !isRetired && !task.isInterrupted()) {
            long left = next - System.nanoTime();
            if (left > 0) {
                TimeUnit.NANOSECONDS.sleep(Math.min(left, TimeUnit.MILLISECONDS.toNanos(LOOK_MILLIS)));
                continue;
            }
            next = System.nanoTime() + intervalNanos;
            boolean isKnown = new FieldReader(Rpc.ask(driver, heartbeat, own, ASK_NANOS)).flag();
            if (!isKnown) {
                retire();
            }
        }
    }

    private void retire() {
        LOG.warn(
                "The driver does not count this worker among its own any more; it ends what it runs and registers anew.");
        isRetired = true;
    }

    private void stopAttempts() {
        attempts.values().forEach(WorkerAttempt::abandon);
        attempts.clear();
    }

    /** Sends a report, unless the worker is somebody else by now. Thread: any. */
    private void report(long as, WorkerReport report) {
        if (as >= incarnation) {
            driver.send(report.toBytes(as));
        }
    }

    /** What was for an earlier incarnation is nothing to this one; one that it is about to be may come early. */
    @Override
    public void received(byte[] message) {
        Command.Sent sent = Command.fromBytes(message);
        if (sent.command() instanceof Command.End) {
            isOver = true;
        } else if (sent.incarnation() < incarnation) {
            LOG.info("A command to incarnation={} came to incarnation={}.", sent.incarnation(), incarnation);
        } else if (sent.command() instanceof Command.Retire) {
            retire();
        } else if (sent.command() instanceof Command.Probe probe) {
            probe(sent.incarnation(), probe);
        } else {
            dispatch(sent.incarnation(), sent.command());
        }
    }

    /** On a thread of its own, because it waits for the network. */
    private void probe(long as, Command.Probe probe) {
        Thread thread = new Thread(
                () -> {
                    if (transport.reaches(probe.peer())) {
                        report(as, new WorkerReport.Reached(probe.peerIncarnation()));
                    }
                },
                "millrace-probe");
        thread.setDaemon(true);
        thread.start();
    }

    private void dispatch(long as, Command command) {
        if (command instanceof Command.Deploy deploy) {
            WorkerAttempt attempt =
                    new WorkerAttempt(deploy, transport, reception, classes, report -> report(as, report));
            attempts.put(deploy.attempt(), attempt);
            attempt.take(command);
            return;
        }
        WorkerAttempt attempt =
                command instanceof Command.Stop ? attempts.remove(command.attempt()) : attempts.get(command.attempt());
        if (attempt != null) {
            attempt.take(command);
        } else if (command instanceof Command.Stop) {
            report(as, new WorkerReport.Stopped(command.attempt(), List.of()));
        }
    }

    @Override
    public byte[] asked(byte[] question, RpcEndpointRef from, String address) {
        throw new UnsupportedOperationException("Nobody asks a worker.");
    }

    @Override
    public void disconnected(String address) {
        if (address.equals(driver.address().hostPort())) {
            isOver = true;
        }
    }

    @Override
    public void close() {
        isOver = true;
        stopAttempts();
        SparkEnv.get().rpcEnv().stop(own);
        transport.close();
        StateMemory.copies().close();
    }
}
