package dev.millrace.spark.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.graph.DataflowPlan;
import dev.millrace.engine.graph.Placement;
import dev.millrace.engine.graph.StageBody;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.network.LinkSettings;
import dev.millrace.engine.network.Reception;
import dev.millrace.engine.operator.EventTimeExtractor;
import dev.millrace.engine.operator.PerTask;
import dev.millrace.engine.operator.WatermarkAssignerFactory;
import dev.millrace.engine.source.PlannedSource;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.SourceReader;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.fragment.TaskCopies;
import dev.millrace.spark.network.WorkerTransport;
import dev.millrace.spark.network.WorkerTransport.Address;
import java.io.InvalidObjectException;
import java.io.ObjectStreamException;
import java.io.Serializable;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkEnv;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.ContinuousMemorySink;
import org.apache.spark.sql.execution.streaming.sources.MemorySink;
import org.apache.spark.util.ManualClock;
import org.apache.spark.util.SystemClock;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import scala.reflect.ClassTag$;

/** What travels to workers, and what keeps a query from going there. */
class DeploymentSparkTest {
    private static SparkSession session;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    private record NoReader(int partitionCount) implements ReaderFactory {
        @Override
        public SourceReader create() {
            throw new AssertionError("nothing is read");
        }
    }

    private record OfFirstColumn() implements PerTask<EventTimeExtractor> {
        @Override
        public EventTimeExtractor get() {
            return (bytes, offset, sizeBytes) -> bytes[offset];
        }
    }

    private static StreamGraph graph(PlannedSource source) {
        StreamGraph.Builder graph = StreamGraph.builder();
        int unused = graph.add(
                "read",
                List.of(),
                new StageBody.Reading(
                        source, List.of(new WatermarkAssignerFactory(new OfFirstColumn(), "watermark", 0, 1))));
        return graph.build();
    }

    private static PlannedSource flowing() {
        return PlannedSource.flowing("numbers", List.of(new NoReader(2), new NoReader(3)));
    }

    @Test
    void saysTheSameBehindItsBytes() {
        Properties properties = new Properties();
        properties.setProperty("spark.job.description", "test");
        Deployment sent = new Deployment(
                "query",
                DataflowPlan.of(graph(flowing()), new Placement(0, 2, 2)),
                7,
                3,
                1 << 20,
                null,
                new TaskSurroundings(Map.of("spark.sql.session.timeZone", "Asia/Tokyo"), properties),
                true);

        Deployment came = Deployment.fromBytes(sent.toBytes(), DeploymentSparkTest.class.getClassLoader());

        Placement second = new Placement(1, 2, 2);
        assertThat(came.epochShape(second)).isEqualTo(sent.epochShape(second));
        assertThat(came.epochShape(second).partitions()).containsOnly(Map.entry(0, 5));
        assertThat(came.surroundings()).isEqualTo(sent.surroundings());
        assertThat(came.label()).isEqualTo("query");
        assertThat(came.keyGroupCount()).isEqualTo(7);
        assertThat(came.firstEpoch()).isEqualTo(3);
        assertThat(came.isBounded()).isTrue();
    }

    private record Named(TaskCopies<Object> copies, WeakReference<Broadcast<String>> broadcast) {
        /** In a frame of its own, that holds nothing when it is left. */
        static Named make() {
            Broadcast<String> made =
                    session.sparkContext().broadcast("large", ClassTag$.MODULE$.<String>apply(String.class));
            return new Named(TaskCopies.of(made), new WeakReference<>(made));
        }
    }

    @Test
    void keepsABroadcastAliveThatItsBytesOnlyName() {
        Named named = Named.make();

        System.gc();

        assertThat(named.broadcast().get()).isNotNull();
        Reference.reachabilityFence(named.copies());
    }

    @Test
    void namesWhatKeepsAQueryInTheDriver() {
        assertThat(Obstacles.of(new ContinuousMemorySink(), new SystemClock()))
                .hasValueSatisfying(why -> assertThat(why).contains("sink="));
        assertThat(Obstacles.of(new MemorySink(), new ManualClock(0))).contains("clock=ManualClock is the driver's");
        assertThat(Obstacles.of(new MemorySink(), new SystemClock())).isEmpty();
    }

    /** As in a cold executor, which loads a query's classes for the first time. */
    @Test
    void aWorkerThatIsStillMakingItsPartStopsAtOnce() throws Exception {
        SlowToRead.entered = new CountDownLatch(1);
        SlowToRead.release = new CountDownLatch(1);
        BlockingQueue<WorkerReport> reports = new LinkedBlockingQueue<>();
        Reception reception = new Reception(refusal -> {});
        Command.Deploy deploy = new Command.Deploy(
                "attempt",
                0,
                List.of(new Address("127.0.0.1", 0)),
                1,
                new LinkSettings(false, TimeUnit.SECONDS.toNanos(5)),
                new SessionArtifacts("", "", List.of(), List.of()),
                TaskCopies.of(new SlowToRead()).bytes());
        try (WorkerTransport transport = WorkerTransport.open(
                session.sparkContext().getConf(),
                SparkEnv.get().securityManager(),
                new Address("127.0.0.1", 0),
                1,
                reception)) {
            WorkerAttempt attempt = new WorkerAttempt(
                    deploy,
                    transport,
                    reception,
                    new ArtifactClasses(Thread.currentThread().getContextClassLoader()),
                    reports::add);
            attempt.take(deploy);
            assertThat(SlowToRead.entered.await(60, TimeUnit.SECONDS)).isTrue();
            attempt.take(new Command.Start("attempt"));
            attempt.take(new Command.Stop("attempt"));
            assertThat(reports.poll()).isEqualTo(new WorkerReport.Stopped("attempt", List.of()));
        } finally {
            SlowToRead.release.countDown();
        }
    }

    private static final class SlowToRead implements Serializable {
        private static final long serialVersionUID = 1L;
        private static volatile CountDownLatch entered;
        private static volatile CountDownLatch release;

        private Object readResolve() throws ObjectStreamException {
            entered.countDown();
            try {
                boolean unused = release.await(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                throw new InvalidObjectException("interrupted");
            }
            return this;
        }
    }
}
