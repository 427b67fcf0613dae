package dev.millrace.bench.kafka;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.bench.run.CannotRunException;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Figure;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.run.TurnDraft;
import dev.millrace.bench.workload.Histograms;
import dev.millrace.kafka.broker.ChildJvm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.HdrHistogram.Histogram;

/**
 * From a record's creation to its answer's arrival, each in another process, through a real broker, at a steady
 * rate. A primer waits for an engine's first answer, so that its start is not measured; then comes a warm-up. Fresh
 * topics for each turn.
 *
 * @param warmUpSeconds before what counts
 * @param seconds that count
 */
public record LatencyTurn(KafkaStage stage, int warmUpSeconds, int seconds) {
    /** What a turn finds out. */
    public static final List<Figure> FIGURES = List.of(
            new Figure("p50", "p50", "ms", 2, true),
            new Figure("p99", "p99", "ms", 2, true),
            new Figure("p99.9", "p99.9", "ms", 2, true),
            new Figure("max", "max", "ms", 1, false),
            new Figure("rowsIn", "in", "rows", 0, false),
            new Figure("rowsOut", "out", "rows", 0, false));

    private static final double[] PERCENTILES = {50, 99, 99.9};

    /** How long the last records may take to come through. */
    private static final long DRAIN_MILLIS = 2_000;

    /**
     * Runs it; figures, latencies and settings go into {@code draft}.
     *
     * @param rate records per second
     * @param settings what is set for the engine beyond what always is
     */
    public void run(Engine engine, String work, int rate, Map<String, String> settings, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        KafkaStage.Topics topics = stage.createTopics(folder.getFileName().toString());
        try (ChildJvm running = stage.startEngine(engine, new KafkaStage.Job(work, topics, false, settings), folder);
                ChildJvm probe = stage.startProbe(topics.output(), warmUpSeconds, folder)) {
            draft.settings(Launcher.texts(Launcher.await(running, "ready", KafkaStage.START_TIMEOUT)));
            Launcher.await(probe, "ready", KafkaStage.START_TIMEOUT);
            stage.generate(LoadGenerator.Kind.PRIMER, topics.input(), rate, rate, folder);
            awaitAnswers(running, probe);
            long rowsIn = stage.generate(
                    LoadGenerator.Kind.PACED, topics.input(), rate, (long) rate * (warmUpSeconds + seconds), folder);
            Thread.sleep(DRAIN_MILLIS);
            probe.endInput();
            JsonNode seen = Launcher.await(probe, "result", KafkaStage.START_TIMEOUT);
            take(seen, rowsIn, draft);
            takeMarks(running, seen.get("measuredFromMicros").asLong(), draft);
        }
    }

    /** An engine that fails before its first answer says why. */
    static void awaitAnswers(ChildJvm running, ChildJvm probe)
            throws IOException, InterruptedException, CannotRunException {
        try {
            probe.awaitLine("answers"::equals, KafkaStage.START_TIMEOUT);
        } catch (IOException e) {
            Optional<String> failure = Launcher.failure(running);
            if (failure.isPresent()) {
                throw new CannotRunException(failure.get());
            }
            throw new CannotRunException("no answer in %d s".formatted(KafkaStage.START_TIMEOUT.toSeconds()));
        }
    }

    private static void take(JsonNode seen, long rowsIn, TurnDraft draft) throws CannotRunException {
        Histogram latency = Histograms.decode(seen.get("histogram").asText());
        if (latency.getTotalCount() == 0) {
            throw new CannotRunException("no row came behind the warm-up");
        }
        for (double percentile : PERCENTILES) {
            String name = percentile == Math.rint(percentile) ? "p" + (int) percentile : "p" + percentile;
            draft.figure(name, latency.getValueAtPercentile(percentile) / 1_000.0);
        }
        draft.figure("max", latency.getMaxValue() / 1_000.0)
                .figure("rowsIn", rowsIn)
                .figure("rowsOut", seen.get("rows").asLong())
                .histogram(seen.get("histogram").asText());
        for (JsonNode slot : seen.get("timeline")) {
            draft.moment(
                    slot.get("micros").asLong() / 1e6, slot.get("p99Micros").asLong() / 1_000.0);
        }
    }

    /** Epochs that the engine told of, as far as they ended while it was measured. */
    private void takeMarks(ChildJvm running, long measuredFromMicros, TurnDraft draft)
            throws InterruptedException, CannotRunException {
        for (String line = running.nextLine(java.time.Duration.ZERO);
                line != null;
                line = running.nextLine(java.time.Duration.ZERO)) {
            if (line.startsWith("failed ")) {
                throw new CannotRunException(line.substring("failed ".length()));
            }
            if (line.startsWith("epoch ")) {
                double second = (Long.parseLong(line.substring("epoch ".length())) - measuredFromMicros) / 1e6;
                if (second >= 0 && second <= seconds) {
                    draft.mark(second);
                }
            }
        }
        if (!running.isAlive()) {
            throw new CannotRunException("it ended by itself");
        }
    }
}
