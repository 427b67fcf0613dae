package dev.millrace.spark.cluster;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
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
 * and go. Where Spark puts two tasks on one executor, the second ends by itself. With dynamic allocation the
 * tasks wait for executors of their profile, and so have Spark start them.
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
    private final Map<String, Job> jobs = new HashMap<>();

    private record Job(JavaFutureAction<Void> action, long startedNanos) {}

    WorkerJobs(SparkContext context, WorkerOrder order) {
        this.context = context;
        this.order = order;
        this.profile = new ResourceProfileBuilder()
                .require(new TaskResourceRequests().cpus(order.cpus()))
                .build();
        this.isAllocatedDynamically = Utils.isDynamicAllocationEnabled(context.getConf());
        context.setLocalProperties(new Properties());
        context.setJobGroup(GROUP, "Millrace's workers", true);
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
        Set<String> taken = new HashSet<>(hosting);
        for (Map.Entry<String, Job> job : jobs.entrySet()) {
            if (!job.getValue().action().isDone()) {
                taken.add(job.getKey());
            }
        }
        List<Tuple2<String, List<String>>> free = new ArrayList<>();
        if (isAllocatedDynamically) {
            int sought = wanted == WorkerPool.ALL ? Math.max(1, hosting.size()) : wanted;
            for (int i = 0; i < sought; i++) {
                free.add(new Tuple2<>("any-" + i, List.of()));
            }
        } else {
            for (ExecutorSummary executor : executors(context)) {
                free.add(new Tuple2<>(executor.id(), List.of("executor_" + hostOf(executor) + "_" + executor.id())));
            }
        }
        for (Tuple2<String, List<String>> place : free) {
            if (taken.size() < wanted && !taken.contains(place._1()) && !jobs.containsKey(place._1())) {
                jobs.put(place._1(), new Job(submit(place._2()), System.nanoTime()));
                taken.add(place._1());
            }
        }
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
