package dev.millrace.bench.kafka;

import dev.millrace.bench.run.CannotRunException;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.run.TurnDraft;
import dev.millrace.bench.workload.Clients;
import dev.millrace.bench.workload.Workloads;
import dev.millrace.kafka.broker.ChildJvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * Lets an engine work off a topic that is full: from the moment at which its query starts until the answers to the
 * last record of each partition have arrived. The topic is filled once and read by every engine.
 *
 * <p>Thread: one owner.
 */
public final class DrainTurn {
    private static final String BACKLOG_TOPIC = "backlog";

    private final KafkaStage stage;
    private final long recordCount;
    private boolean isFilled;

    public DrainTurn(KafkaStage stage, long recordCount) {
        this.stage = stage;
        this.recordCount = recordCount;
    }

    /** Records per second; the time, in seconds, goes into {@code draft}. */
    public double run(Engine engine, String work, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        Files.createDirectories(folder);
        if (!isFilled) {
            stage.createTopic(BACKLOG_TOPIC);
            stage.generate(LoadGenerator.Kind.BACKLOG, BACKLOG_TOPIC, 1_000_000, recordCount, folder);
            isFilled = true;
        }
        String output = "drained-" + folder.getFileName();
        stage.createTopic(output);
        Duration patience = KafkaStage.START_TIMEOUT.plusSeconds(recordCount / 10_000);
        try (ChildJvm probe = stage.startProbe(output, 0, folder)) {
            Launcher.await(probe, "ready", KafkaStage.START_TIMEOUT);
            KafkaStage.Job job = new KafkaStage.Job(work, new KafkaStage.Topics(BACKLOG_TOPIC, output), true, Map.of());
            try (ChildJvm running = stage.startEngine(engine, job, folder)) {
                draft.settings(Launcher.texts(Launcher.await(running, "ready", KafkaStage.START_TIMEOUT)));
                long start = Clients.nowMicros();
                double seconds = (awaitDrained(running, probe, patience) - start) / 1e6;
                draft.figure("seconds", seconds);
                probe.endInput();
                long rows = Launcher.await(probe, "result", KafkaStage.START_TIMEOUT)
                        .get("rows")
                        .asLong();
                if (rows < 1) {
                    throw new CannotRunException(
                            "work=%s gave no row".formatted(Workloads.of(work).id()));
                }
                draft.figure("rowsOut", rows);
                return recordCount / seconds;
            }
        }
    }

    private static long awaitDrained(ChildJvm running, ChildJvm probe, Duration patience)
            throws IOException, InterruptedException, CannotRunException {
        try {
            String line = probe.awaitLine(text -> text.startsWith("drained "), patience);
            return Long.parseLong(line.substring("drained ".length()));
        } catch (IOException e) {
            Optional<String> failure = Launcher.failure(running);
            throw new CannotRunException(
                    failure.orElse("its last answers did not come in %d s".formatted(patience.toSeconds())));
        }
    }
}
