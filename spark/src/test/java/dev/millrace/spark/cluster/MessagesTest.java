package dev.millrace.spark.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.metrics.DataflowMetrics.ExchangeSample;
import dev.millrace.engine.metrics.DataflowMetrics.OperatorSample;
import dev.millrace.engine.metrics.DataflowMetrics.PartitionSample;
import dev.millrace.engine.metrics.DataflowMetrics.TaskSample;
import dev.millrace.engine.metrics.EventTimes;
import dev.millrace.engine.metrics.StateSize;
import dev.millrace.engine.metrics.StepClock;
import dev.millrace.engine.metrics.WatermarkMetrics;
import dev.millrace.engine.network.LinkSettings;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.snapshot.SnapshotFile;
import dev.millrace.engine.snapshot.StoredSnapshot;
import dev.millrace.spark.cluster.SessionArtifacts.Artifact;
import dev.millrace.spark.cluster.SessionArtifacts.Kind;
import dev.millrace.spark.network.WorkerTransport.Address;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What driver and workers say to each other, there and back. */
class MessagesTest {
    private static final byte[] SOME = {1, 2, 3};

    static Stream<Command> commands() {
        return Stream.of(
                new Command.Deploy(
                        "run-1",
                        1,
                        List.of(new Address("a.example", 7001), new Address("::1", 7002)),
                        3,
                        new LinkSettings(true, 5_000_000_000L),
                        new SessionArtifacts(
                                "session",
                                "spark://driver/classes",
                                List.of(new Artifact("spark://driver/jars/a.jar", 7, Kind.JAR)),
                                List.of(
                                        new Artifact("spark://driver/files/b.txt", 8, Kind.FILE),
                                        new Artifact("spark://driver/archives/c.zip#c", 9, Kind.ARCHIVE))),
                        SOME),
                new Command.Connect("run-1"),
                new Command.Start("run-1"),
                new Command.Barrier("run-1", 41, true, false),
                new Command.Barrier("run-1", 41, false, true),
                new Command.Begin("run-1", 41, 1_700_000_000_000L, -5),
                new Command.Portion("run-1", 2, SOME),
                new Command.EndEpoch("run-1", 2, 41, 7),
                new Command.Settled("run-1", 2, 7, -6),
                new Command.Stop("run-1"),
                new Command.Probe(new Address("host", 7001), 12),
                new Command.Retire(),
                new Command.End());
    }

    static Stream<WorkerReport> reports() {
        OperatorId operator = new OperatorId(2, 1);
        StoredSnapshot snapshot = new StoredSnapshot(
                "files/3-run-1-0.snapshot",
                List.of(
                        new SnapshotFile.Entry(new SectionKey(operator, 1, 5), true, 12, 100, 300, -7),
                        new SnapshotFile.Entry(new SectionKey(operator, SectionKey.TASK), false, 112, 1, 2, 3)));
        return Stream.of(
                new WorkerReport.Heartbeat(),
                new WorkerReport.Deployed("run-1"),
                new WorkerReport.Connected("run-1"),
                new WorkerReport.Stopped("run-1", List.of("a thread", "another")),
                new WorkerReport.Positions("run-1", 0, 3, 9, List.of(4, 5), SOME, 77),
                new WorkerReport.BarrierTaken("run-1", 1, 3, 9),
                new WorkerReport.SinkPrepared("run-1", 2, 3, 9, SOME, 78),
                new WorkerReport.Observed("run-1", operator, 9, SOME),
                new WorkerReport.SnapshotStored("run-1", 9, snapshot),
                new WorkerReport.Failed("run-1", "stage-1-task-2", SOME),
                new WorkerReport.CutOff("run-1", 2, SOME),
                new WorkerReport.Reached(12),
                new WorkerReport.Begun("run-1", 41),
                new WorkerReport.PortionEnded("run-1", 2, 7, -6),
                new WorkerReport.EventTimesSeen("run-1", Map.of("a watermark", new EventTimes(2, 100, 200, 150))),
                new WorkerReport.Sampled("run-1", SOME));
    }

    /** Records with bytes are equal by identity alone. */
    private static void assertSame(Object actual, Object expected) {
        assertThat(actual).usingRecursiveComparison().isEqualTo(expected);
    }

    @ParameterizedTest
    @MethodSource("commands")
    void commandsComeAsTheyWereSent(Command command) {
        assertSame(Command.fromBytes(command.toBytes(7)), new Command.Sent(7, command));
    }

    @ParameterizedTest
    @MethodSource("reports")
    void reportsComeAsTheyWereSent(WorkerReport report) {
        assertSame(WorkerReport.fromBytes(report.toBytes(8)), new WorkerReport.Sent(8, report));
    }

    /** By these docs/scale.md and the engine's simulation of many workers count what comes to the driver. */
    @Test
    void reportsTakeAsManyBytesAsIsSaid() {
        String attempt = "a".repeat(40);
        StoredSnapshot snapshot = new StoredSnapshot(
                "files/3.snapshot",
                List.of(new SnapshotFile.Entry(new SectionKey(new OperatorId(1, 0), 0, 5), true, 12, 100, 300, -7)));
        assertThat(new WorkerReport.BarrierTaken(attempt, 1, 3, 9).toBytes(8)).hasSize(53 + 16);
        assertThat(new WorkerReport.SinkPrepared(attempt, 2, 3, 9, SOME, 78).toBytes(8))
                .hasSize(53 + 28 + SOME.length);
        assertThat(new WorkerReport.Positions(attempt, 0, 3, 9, List.of(4, 5), SOME, 77).toBytes(8))
                .hasSize(53 + 32 + 2 * 4 + SOME.length);
        assertThat(new WorkerReport.SnapshotStored(attempt, 9, snapshot).toBytes(8))
                .hasSize(53 + 16 + snapshot.file().length() + 37);
    }

    @Test
    void registrationsAndAdmissionsComeAsTheyWereSent() {
        Registration registration = new Registration("4", new Address("host", 1234), 2, 99);
        assertThat(Registration.fromBytes(registration.toBytes())).isEqualTo(registration);
        Admission admission = new Admission(3, 1_000, "");
        assertThat(Admission.fromBytes(admission.toBytes())).isEqualTo(admission);
        assertThat(Admission.fromBytes(Admission.refused("no").toBytes()).isAdmitted())
                .isFalse();
    }

    @ParameterizedTest
    @MethodSource("reports")
    void refusesWhatIsCutShortOrHasMoreBehind(WorkerReport report) {
        byte[] whole = report.toBytes(8);
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> WorkerReport.fromBytes(cut))
                    .as("%d of %d bytes", length, whole.length)
                    .isInstanceOf(MillraceException.class);
        }
        byte[] more = Arrays.copyOf(whole, whole.length + 1);
        assertThatThrownBy(() -> WorkerReport.fromBytes(more)).hasMessageContaining("end");
    }

    /** Whatever comes, a length never has more memory taken than the message has. */
    @Test
    void noBytesDoMoreThanBeRefused() {
        for (long seed = 0; seed < 5_000; seed++) {
            Random random = new Random(seed);
            List<WorkerReport> all = reports().toList();
            byte[] message = all.get(random.nextInt(all.size())).toBytes(8);
            for (int i = 0; i < 1 + random.nextInt(4); i++) {
                message[8 + random.nextInt(message.length - 8)] = (byte) random.nextInt();
            }
            try {
                WorkerReport.Sent unused = WorkerReport.fromBytes(message);
            } catch (MillraceException refused) {
                assertThat(refused).as("seed=%d", seed).hasMessageContaining("same version");
            }
        }
    }

    @Test
    void samplesComeAsTheyWereSent() {
        Histogram latency = new Histogram(60_000_000L, 3);
        latency.recordValueWithCount(1_500, 10);
        MetricsSample sample = new MetricsSample(
                Map.of(0, 5L),
                Map.of(2, 4L),
                List.of(new OperatorSample(1, 0, 3, "aggregate", new StateSize(1, 2, 3, 4), 5, 6, 7, 8)),
                List.of(new TaskSample(1, 3, "loop-3", 10, new StepClock.Times(11, 12, 13), 14)),
                List.of(new ExchangeSample(1, 0, 9, 0.25, 0.5)),
                List.of(
                        new PartitionSample(0, 2, 0.75, new WatermarkMetrics.Partition(17, true)),
                        new PartitionSample(0, 3, 0, null)),
                Map.of(6L, new EventTimes(2, 100, 200, 150)),
                42,
                latency);
        assertThat(MetricsSample.fromBytes(sample.toBytes())).isEqualTo(sample);
    }
}
