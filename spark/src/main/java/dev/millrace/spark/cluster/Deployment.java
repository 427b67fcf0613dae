package dev.millrace.spark.cluster;

import dev.millrace.engine.epoch.EpochShape;
import dev.millrace.engine.graph.DataflowPlan;
import dev.millrace.engine.graph.DataflowSettings;
import dev.millrace.engine.graph.Placement;
import dev.millrace.engine.graph.WorkerDataflow;
import dev.millrace.engine.network.PeerLink;
import dev.millrace.engine.operator.ProcessingTime;
import dev.millrace.engine.task.TaskReports;
import dev.millrace.engine.task.TaskScope;
import dev.millrace.spark.fragment.Clock;
import dev.millrace.spark.fragment.TaskCopies;
import dev.millrace.spark.thread.SparkTaskScopes;
import java.io.Serializable;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * All that a worker needs for its part of one attempt of a query. It goes to workers as bytes, through Spark's
 * closure serializer, as Spark's own plans do; the driver's own worker takes it as it is.
 *
 * @param label the query's name or id, for thread names
 * @param plan what is run
 * @param keyGroupCount units of state ownership
 * @param firstEpoch the epoch that the first rows belong to
 * @param stateMemoryBytes the memory for keyed state of a worker's process
 * @param state where state is kept, or null where the query keeps none
 * @param surroundings what the tasks' threads see of the query's session
 * @param isBounded whether epochs are bounded, so that the tasks go by the epoch's time and watermark
 */
public record Deployment(
        String label,
        DataflowPlan plan,
        int keyGroupCount,
        long firstEpoch,
        long stateMemoryBytes,
        @Nullable StatePlace state,
        TaskSurroundings surroundings,
        boolean isBounded)
        implements Serializable {
    /**
     * Whether the driver's own worker, too, runs a query that could run elsewhere from the bytes of its deployment.
     * Tests ask for it by a system property, so that whatever they run is known to travel.
     */
    public static boolean isAlwaysShipped() {
        return Boolean.getBoolean("millrace.deployments.shipped");
    }

    /** What the workers together give for each epoch. */
    public EpochShape epochShape(Placement placement) {
        return plan.epochShape(placement, state != null);
    }

    /** Errors: Spark's own, naming the class, where something in it cannot be serialized. */
    public byte[] toBytes() {
        return TaskCopies.of(this).bytes();
    }

    /** @param loader sees the user's classes */
    public static Deployment fromBytes(byte[] bytes, ClassLoader loader) {
        return TaskCopies.<Deployment>ofBytes(bytes).copy(loader);
    }

    /**
     * Builds a worker's part.
     *
     * @param loader sees the user's classes
     * @param time the query's clock
     */
    public WorkerDataflow create(
            Placement placement,
            IntFunction<PeerLink> links,
            TaskReports reports,
            ClassLoader loader,
            ProcessingTime time) {
        DataflowSettings settings = new DataflowSettings(
                label,
                placement,
                keyGroupCount,
                firstEpoch,
                StateMemory.budget(stateMemoryBytes),
                state == null ? null : state.open(),
                time);
        SparkTaskScopes scopes = surroundings.scopes(loader);
        TaskScope.Factory dressed = time.standsStill() ? inTimeOf(time, scopes) : scopes;
        // Parts of it generate code as they are made.
        return scopes.withSettings(() -> WorkerDataflow.create(plan, settings, links, reports, dressed));
    }

    /** What asks for the present time gets the epoch's. */
    private static TaskScope.Factory inTimeOf(ProcessingTime time, TaskScope.Factory scopes) {
        return (threadName, taskIndex, taskCount) -> {
            TaskScope scope = scopes.create(threadName, taskIndex, taskCount);
            return body -> scope.run(() -> {
                Clock.follow(time);
                body.run();
            });
        };
    }
}
