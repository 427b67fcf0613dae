package dev.millrace.spark.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.engine.epoch.CompletedEpoch;
import dev.millrace.engine.epoch.DataflowFailedException;
import dev.millrace.engine.epoch.EpochCoordinator;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.graph.Placement;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.cluster.WorkerRoster.Member;
import dev.millrace.spark.settings.ClusterSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.classic.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Workers on two executors of a real standalone master. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class WorkerPoolSparkTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private StandaloneCluster cluster;
    private SparkSession session;

    @BeforeAll
    void start() throws Exception {
        cluster = StandaloneCluster.start(Path.of("target/clusters"), 2, 2, Map.of());
        session = LocalSpark.start(cluster.master(), new HashMap<>(cluster.settings()));
    }

    @AfterAll
    void stop() {
        LocalSpark.stop(session);
        cluster.close();
    }

    private WorkerPool join(Object query, int workers) {
        ClusterSettings settings = new ClusterSettings(workers, 0, 0, 60_000, 2_000, false);
        return WorkerPool.join(session.sparkContext(), settings, query, workers);
    }

    @Test
    void keepsAWorkerOnEachExecutorWhateverHappensToIt() throws Exception {
        Object query = new Object();
        WorkerPool pool = join(query, 2);
        Crew crew = pool.await(query, 2, 60_000);
        assertThat(crew.members())
                .extracting(member -> member.registration().executorId())
                .doesNotHaveDuplicates();
        assertThat(session.range(10).count()).as("an ordinary job").isEqualTo(10);

        Member killed = crew.members().get(0);
        StandaloneCluster.kill(killed.registration().pid());
        await().atMost(Duration.ofSeconds(2)).until(() -> !pool.members().contains(killed));
        await().atMost(PATIENCE).until(() -> pool.members().size() == 2);
        Crew second = pool.await(query, 2, 60_000);

        Member frozen = second.members().get(1);
        StandaloneCluster.freeze(frozen.registration().pid());
        await().atMost(PATIENCE).until(() -> !pool.members().contains(frozen));
        StandaloneCluster.resume(frozen.registration().pid());
        await().atMost(PATIENCE).until(() -> pool.members().size() == 2);
        assertThat(pool.members())
                .as("the same process, with another incarnation")
                .anyMatch(member -> member.registration().equals(frozen.registration()))
                .noneMatch(member -> member.incarnation() == frozen.incarnation());
        pool.leave(query);
    }

    private ClusterDataflow dataflow(WorkerPool pool, Crew crew, String attempt, long failingNumber) {
        StreamGraph graph = CountedNumbers.graph(3, failingNumber);
        Deployment deployment = CountedNumbers.deployment(graph, crew.size(), session);
        EpochCoordinator coordinator = new EpochCoordinator(
                deployment.epochShape(new Placement(0, crew.size(), crew.loopCount())), deployment.firstEpoch());
        ClassLoader loader = WorkerPoolSparkTest.class.getClassLoader();
        return new ClusterDataflow(
                pool, crew, new ClusterDataflow.Order(attempt, deployment, graph, coordinator, loader));
    }

    /** Ends an epoch and gives the rows that its sinks counted, which are those that its sources gave. */
    private static long epoch(ClusterDataflow dataflow) throws InterruptedException {
        assertThat(dataflow.epochs().requestBarrier()).isNotNegative();
        CompletedEpoch epoch = dataflow.epochs().await(PATIENCE.toNanos());
        assertThat(epoch).isNotNull();
        long counted = epoch.messages().values().iterator().next().stream()
                .mapToLong(message -> (Long) message)
                .sum();
        assertThat(epoch.rowsRead().values()).containsExactly(counted);
        return counted;
    }

    @Test
    void runsADataflowOnAllWorkersUntilOneIsLost() throws Exception {
        Object query = new Object();
        WorkerPool pool = join(query, 2);
        Crew crew = pool.await(query, 2, 60_000);
        try (ClusterDataflow dataflow = dataflow(pool, crew, "run-0", -1)) {
            dataflow.start();
            await().atMost(PATIENCE).until(() -> epoch(dataflow) > 0);
            await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(dataflow.metrics().tasks(System.nanoTime()))
                            .hasSize(2 * crew.size() * crew.loopCount()));
            StandaloneCluster.kill(crew.members().get(1).registration().pid());
            assertThatThrownBy(
                            () -> dataflow.epochs().await(Duration.ofSeconds(5).toNanos()))
                    .isInstanceOf(DataflowFailedException.class)
                    .cause()
                    .isInstanceOf(MillraceException.class);
        }
        Crew left = pool.await(query, 1, 60_000);
        try (ClusterDataflow dataflow = dataflow(pool, left, "run-1", -1)) {
            dataflow.start();
            await().atMost(PATIENCE).until(() -> epoch(dataflow) > 0);
        }
        pool.leave(query);
    }

    @Test
    void tellsAWorkersErrorAsItIs() throws Exception {
        Object query = new Object();
        WorkerPool pool = join(query, 2);
        Crew crew = pool.await(query, 2, 60_000);
        try (ClusterDataflow dataflow = dataflow(pool, crew, "failing-0", 500)) {
            dataflow.start();
            assertThatThrownBy(() -> dataflow.epochs().await(PATIENCE.toNanos()))
                    .isInstanceOf(DataflowFailedException.class)
                    .cause()
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("number=500");
        }
        assertThat(pool.members()).as("a failure costs no worker").containsAll(crew.members());
        pool.leave(query);
    }

    @Test
    void saysWhatIsMissingWhenThereAreTooFewExecutors() {
        Object query = new Object();
        WorkerPool pool = join(query, 3);
        assertThatThrownBy(() -> pool.await(query, 3, 2_000))
                .isInstanceOf(MillraceException.class)
                .hasMessageContaining("wanted=3, registered=")
                .hasMessageContaining("spark.millrace.workers");
        pool.leave(query);
    }
}
