package dev.millrace.spark.cluster;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaFutureAction;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.rdd.RDD;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.ResourceProfileBuilder;
import org.apache.spark.resource.TaskResourceRequests;
import org.apache.spark.status.api.v1.ExecutorSummary;
import org.apache.spark.util.Utils;
import scala.Tuple2;
import scala.reflect.ClassTag;

/**
 * Starts workers' tasks: a plain job of one task for each executor that is to be a worker, all in one job group.
 * A job of its own for each means that an executor's death costs no other's tries, and that executors may come
 * and go. Where Spark puts two tasks on one executor, the second ends by itself.
 *
 * <p>With dynamic allocation Spark starts executors for tasks that wait, and gives tasks that ask for their own number of
 * cpus executors of their own, which no other task can use. So each asks for all that an executor has: else
 * Spark would count on several of them on one executor, and start too few.
 *
 * <p>Thread: one, which has no query's properties.
 */
final class WorkerJobs {
    static final String GROUP = "millrace-workers";

    private static final ClassTag<Integer> NUMBER = ClassTag.apply(Integer.class);

    /** Where a task ended, and no worker came of it, the next one waits. */
    private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final SparkContext context;
    private final WorkerOrder order;
    private final ResourceProfile profile;
    private final boolean isAllocatedDynamically;

    /** By executor, or, where Spark chooses that, by number. */
    private final Map<String, Job> jobs = new HashMap<>();

    private record Job(JavaFutureAction<Void> action, long startedNanos) {}

    /** @param cores of the smallest executor */
    WorkerJobs(SparkContext context, WorkerOrder order, int cores) {
        this.context = context;
        this.order = order;
        this.isAllocatedDynamically = isAllocatedDynamically(context);
        this.profile = new ResourceProfileBuilder()
                .require(new TaskResourceRequests().cpus(isAllocatedDynamically ? cores : order.cpus()))
                .build();
        context.setLocalProperties(new Properties());
        context.setJobGroup(GROUP, "Millrace's workers", true);
    }

    /** Whether Spark starts and ends executors as tasks need them. */
    static boolean isAllocatedDynamically(SparkContext context) {
        return Utils.isDynamicAllocationEnabled(context.getConf());
    }

    /**
     * How many workers there are to be. Who wants as many as there are executors gets one for each; where Spark starts
     * them as they are needed, as many as it is told to begin with, and one at least.
     */
    static int sought(SparkContext context, int wanted) {
        if (wanted != WorkerPool.ALL) {
            return wanted;
        }
        return isAllocatedDynamically(context)
                ? Math.max(1, Utils.getDynamicAllocationInitialExecutors(context.getConf()))
                : executors(context).size();
    }

    /** The executors that run now. */
    static List<ExecutorSummary> executors(SparkContext context) {
        return Scala.list(context.statusStore().executorList(true)).stream()
                .filter(executor -> !executor.id().equals("driver"))
                .toList();
    }

    /** Starts what is missing until there are as many workers as wanted, as far as there are executors. */
    void fill(int wanted, Set<String> hosting) {
        jobs.values().removeIf(job -> job.action().isDone() && System.nanoTime() - job.startedNanos() >= RETRY_NANOS);
        if (isAllocatedDynamically) {
            fillAnywhere(sought(context, wanted));
            return;
        }
        Map<String, ExecutorSummary> there = new LinkedHashMap<>();
        executors(context).forEach(executor -> there.put(executor.id(), executor));
        Map<String, Boolean> isUnderWay = new HashMap<>();
        jobs.forEach((executor, job) -> isUnderWay.put(executor, !job.action().isDone()));
        for (String executor : missing(wanted, there.keySet(), hosting, isUnderWay)) {
            String host = hostOf(Objects.requireNonNull(there.get(executor)));
            start(executor, List.of("executor_" + host + "_" + executor));
        }
    }

    /**
     * The executors on which a worker is to be started. The task of one that is gone counts for none: Spark starts it again
     * on another one, which counts once its worker is there.
     *
     * @param executors those that run, in the order in which they are taken
     * @param hosting those that have a worker
     * @param isUnderWay for each that a task was started for a moment ago or still runs, whether it does
     */
    static List<String> missing(
            int wanted, Set<String> executors, Set<String> hosting, Map<String, Boolean> isUnderWay) {
        Set<String> taken = new HashSet<>(hosting);
        List<String> missing = new ArrayList<>();
        for (String executor : executors) {
            if (isUnderWay.getOrDefault(executor, false)) {
                taken.add(executor);
            }
        }
        for (String executor : executors) {
            if (taken.size() < wanted && !isUnderWay.containsKey(executor) && taken.add(executor)) {
                missing.add(executor);
            }
        }
        return missing;
    }

    /** A task that is under way is a worker, is about to be, or waits for an executor. */
    private void fillAnywhere(int sought) {
        long underWay =
                jobs.values().stream().filter(job -> !job.action().isDone()).count();
        for (int place = 0; underWay < sought && place < sought; place++) {
            String name = Integer.toString(place);
            if (!jobs.containsKey(name)) {
                start(name, List.of());
                underWay++;
            }
        }
    }

    private void start(String name, List<String> locations) {
        jobs.put(name, new Job(submit(locations), System.nanoTime()));
    }

    /** An executor that has only just come has no port yet. */
    private static String hostOf(ExecutorSummary executor) {
        String hostPort = executor.hostPort();
        int port = hostPort.lastIndexOf(':');
        return port < 0 ? hostPort : hostPort.substring(0, port);
    }

    private JavaFutureAction<Void> submit(List<String> locations) {
        RDD<Integer> task = context.makeRDD(Scala.seq(new Tuple2<>(0, Scala.seq(locations))), NUMBER)
                .setName("Millrace worker")
                .withResources(profile);
        WorkerOrder told = order;
        return new JavaRDD<>(task, NUMBER).foreachPartitionAsync((Iterator<Integer> unused) -> WorkerProcess.run(told));
    }

    /** Ends all tasks. */
    void cancel() {
        context.cancelJobGroup(GROUP, "Millrace's workers are not needed any more");
    }
}
