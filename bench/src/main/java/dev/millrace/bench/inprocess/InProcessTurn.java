package dev.millrace.bench.inprocess;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.bench.run.CannotRunException;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.run.TurnDraft;
import dev.millrace.bench.workload.Answer;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.kafka.broker.ChildJvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * An engine's turn at a workload from a generator to nothing. Before an engine's first figure counts, its answer over
 * some rows must be the one that Spark's micro-batch gives.
 *
 * <p>Thread: one owner.
 */
public final class InProcessTurn {
    private static final Duration START_TIMEOUT = Duration.ofMinutes(5);
    private static final String HEAP = "-Xms3g -Xmx3g";
    private static final String FLINK = "dev.millrace.bench.peers.flink.FlinkInProcessProgram";

    private final Launcher launcher;
    private final Path folder;
    private final int checkedRows;
    private final Map<String, Path> expected = new HashMap<>();

    /** Why Spark has no answer to a workload. */
    private final Map<String, String> unexpected = new HashMap<>();

    private final Set<String> checked = new HashSet<>();

    /** Takes how many rows the answers are compared over. */
    public InProcessTurn(Launcher launcher, Path folder, int checkedRows) {
        this.launcher = launcher;
        this.folder = folder;
        this.checkedRows = checkedRows;
    }

    /** Measures rows per second, which go into {@code draft}. */
    public void measure(Engine engine, String work, int warmUpSeconds, int seconds, Path own, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        if (engine != Engine.ENGINE && checked.add(work + " " + engine.id())) {
            check(engine, work, own);
        }
        Arguments arguments = arguments(work, own)
                .with("seconds", seconds)
                .with("warmUpSeconds", warmUpSeconds)
                .with("rows", 0)
                .with("what", "speed");
        JsonNode result = run(engine, arguments, own, START_TIMEOUT.plusSeconds(seconds + warmUpSeconds));
        draft.settings(Launcher.texts(result.get("settings")));
        draft.figure("rowsPerSecond", result.get("rowsPerSecond").asDouble() / 1e6);
        int second = 0;
        for (JsonNode rows : result.get("perSecond")) {
            draft.moment(++second, rows.asLong() / 1e6);
        }
    }

    private void check(Engine engine, String work, Path own)
            throws IOException, InterruptedException, CannotRunException {
        Path wanted = expected(engine, work);
        if (engine == Engine.SPARK) {
            return;
        }
        Optional<String> difference = Answer.difference(wanted, answer(engine, work, own.resolve("check")));
        if (difference.isPresent()) {
            throw new CannotRunException("its answer is not that of Spark micro-batch: " + difference.get());
        }
    }

    /** The file with Spark's answer, which is asked for once. */
    private Path expected(Engine engine, String work) throws IOException, InterruptedException, CannotRunException {
        Path file = expected.get(work);
        if (file != null) {
            return file;
        }
        String reason = unexpected.get(work);
        try {
            if (reason == null) {
                Path answer = answer(Engine.SPARK, work, folder.resolve("expected-" + work));
                expected.put(work, answer);
                return answer;
            }
        } catch (CannotRunException e) {
            reason = String.valueOf(e.getMessage());
            unexpected.put(work, reason);
        }
        throw new CannotRunException(
                engine == Engine.SPARK
                        ? reason
                        : "there is no answer to compare its own with: Spark micro-batch cannot, " + reason);
    }

    /** The file with the engine's answer. */
    Path answer(Engine engine, String work, Path own) throws IOException, InterruptedException, CannotRunException {
        Path file = Files.createDirectories(own).resolve("answer.txt");
        Arguments arguments = arguments(work, own)
                .with("rows", checkedRows)
                .with("what", "answer")
                .with("answer", file);
        arguments.with("drain", engine == Engine.SPARK || engine == Engine.MILLRACE_BOUNDED);
        run(engine, arguments, own, START_TIMEOUT);
        return file;
    }

    /** What the engine's JVM holds once it has read so many rows. */
    long usedBytes(Engine engine, String work, long rows, Path own)
            throws IOException, InterruptedException, CannotRunException {
        Arguments arguments = arguments(work, own).with("rows", rows).with("what", "memory");
        return run(engine, arguments, own, START_TIMEOUT).get("usedBytes").asLong();
    }

    private static Arguments arguments(String work, Path own) {
        return new Arguments().with("work", work).with("folder", own).with("drain", false);
    }

    private JsonNode run(Engine engine, Arguments arguments, Path own, Duration patience)
            throws IOException, InterruptedException, CannotRunException {
        String mainClass =
                switch (engine) {
                    case ENGINE -> EngineProgram.class.getName();
                    case MILLRACE, MILLRACE_BOUNDED, SPARK, REAL_TIME_MODE -> SparkInProcessProgram.class.getName();
                    case FLINK, FLINK_MINI_BATCH -> FLINK;
                    case BARE, KAFKA_STREAMS, MILLRACE_CLUSTER ->
                        throw new CannotRunException("it is measured from topic to topic only");
                };
        try (ChildJvm child = launcher.start(
                new Launcher.Program(engine.runtime(), mainClass, HEAP),
                own,
                "engine",
                arguments.with("engine", engine.id()))) {
            return Launcher.await(child, "result", patience);
        }
    }
}
