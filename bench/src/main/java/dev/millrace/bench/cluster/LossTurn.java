package dev.millrace.bench.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.bench.kafka.KafkaStage;
import dev.millrace.bench.kafka.LoadGenerator;
import dev.millrace.bench.run.CannotRunException;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.run.TurnDraft;
import dev.millrace.bench.workload.Clients;
import dev.millrace.bench.workload.Workloads;
import dev.millrace.kafka.broker.ChildJvm;
import dev.millrace.spark.standalone.StandaloneCluster;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

/**
 * A query under a steady trickle whose executors are lost, one after the other. Each time it goes on with the one that
 * is left; the next loss comes once it has taken the other one in again.
 *
 * <p>Thread: one owner.
 */
final class LossTurn {
    /** How an executor is lost. */
    enum Kind {
        KILL,
        FREEZE
    }

    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final Duration SETTLED = Duration.ofSeconds(2);
    private static final Duration LOOK = Duration.ofMillis(100);
    private static final int EPOCHS_BETWEEN = 2;

    /** More than any turn takes. */
    private static final int GENERATOR_SECONDS = 3_600;

    private final KafkaStage stage;
    private final StandaloneCluster cluster;
    private final Kind kind;
    private final int rate;
    private final List<Loss> losses = new ArrayList<>();

    LossTurn(KafkaStage stage, StandaloneCluster cluster, Kind kind, int rate) {
        this.stage = stage;
        this.cluster = cluster;
        this.kind = kind;
        this.rate = rate;
    }

    /** Figures and settings go into {@code draft}. */
    void run(int lossCount, Map<String, String> settings, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        KafkaStage.Topics topics = stage.createTopics(folder.getFileName().toString());
        Map<String, String> all = new TreeMap<>(settings);
        all.put(LossProgram.EPOCH, "1 second");
        KafkaStage.Job job = new KafkaStage.Job(Workloads.WINDOW_COUNT, topics, false, all);
        try (ChildJvm running = stage.startEngine(Engine.MILLRACE_CLUSTER, LossProgram.class.getName(), job, folder);
                AnswerRecorder recorder = new AnswerRecorder(stage.bootstrap(), topics.output())) {
            draft.settings(Launcher.texts(Launcher.await(running, "ready", KafkaStage.START_TIMEOUT)));
            ChildJvm generator = stage.startGenerator(
                    LoadGenerator.Kind.PACED, topics.input(), rate, (long) rate * GENERATOR_SECONDS, folder);
            try {
                for (int i = 0; i < lossCount; i++) {
                    awaitWhole(running, recorder);
                    losses.add(lose(i, running, recorder));
                }
            } finally {
                generator.kill();
            }
        }
        take(draft);
    }

    /** Waits until the tasks of both executors have answered for a while and epochs are committed. */
    private void awaitWhole(ChildJvm running, AnswerRecorder recorder)
            throws IOException, InterruptedException, CannotRunException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (recorder.answering(SETTLED) < ClusterMeasure.EXECUTOR_COUNT
                || cluster.executors().size() < ClusterMeasure.EXECUTOR_COUNT) {
            if (System.nanoTime() > deadline) {
                throw new CannotRunException("not all executors answer after %d s: executors=%d, answering tasks=%d"
                        .formatted(PATIENCE.toSeconds(), cluster.executors().size(), recorder.answering(SETTLED)));
            }
            Thread.sleep(LOOK.toMillis());
        }
        while (running.nextLine(Duration.ZERO) != null) {
            // What it said so far is of an earlier loss.
        }
        for (int i = 0; i < EPOCHS_BETWEEN; i++) {
            running.awaitLine(line -> line.startsWith("epoch "), PATIENCE);
        }
    }

    private Loss lose(int number, ChildJvm running, AnswerRecorder recorder)
            throws IOException, InterruptedException, CannotRunException {
        List<Long> executors = cluster.executors();
        long executor = executors.get(number % executors.size());
        Set<Long> before = recorder.record();
        long startMicros = Clients.nowMicros();
        if (kind == Kind.KILL) {
            StandaloneCluster.kill(executor);
        } else {
            StandaloneCluster.freeze(executor);
        }
        try {
            String told = running.awaitLine(line -> line.startsWith("failure "), PATIENCE);
            JsonNode failure = new ObjectMapper().readTree(told.substring("failure ".length()));
            long detectedMicros =
                    TimeUnit.MILLISECONDS.toMicros(failure.get("millis").asLong());
            return awaitNewRow(new Loss(startMicros, detectedMicros, before, List.of()), recorder);
        } finally {
            recorder.forget();
            if (kind == Kind.FREEZE) {
                StandaloneCluster.resume(executor);
            }
        }
    }

    private static Loss awaitNewRow(Loss begun, AnswerRecorder recorder)
            throws InterruptedException, CannotRunException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < deadline) {
            Loss loss = new Loss(begun.startMicros(), begun.detectedMicros(), begun.before(), recorder.recorded());
            if (loss.newRowMicros().isPresent()) {
                return loss;
            }
            Thread.sleep(LOOK.toMillis());
        }
        throw new CannotRunException("no new row %d s after the loss".formatted(PATIENCE.toSeconds()));
    }

    private void take(TurnDraft draft) {
        ToDoubleFunction<Loss> newRow = loss -> loss.newRowMicros().orElseThrow() / 1e3;
        draft.figure("detection", median(Loss::detectionMillis))
                .figure("firstRow", median(loss -> loss.firstRowMicros().orElseThrow() / 1e3))
                .figure("newRow", median(newRow))
                .figure(
                        "longestNewRow",
                        losses.stream().mapToDouble(newRow).max().orElseThrow());
    }

    private double median(ToDoubleFunction<Loss> value) {
        double[] values = losses.stream().mapToDouble(value).sorted().toArray();
        return values[values.length / 2];
    }
}
