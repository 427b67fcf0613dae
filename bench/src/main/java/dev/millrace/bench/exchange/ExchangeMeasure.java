package dev.millrace.bench.exchange;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.bench.run.CannotRunException;
import dev.millrace.bench.run.Case;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Figure;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.run.Measure;
import dev.millrace.bench.run.Options;
import dev.millrace.bench.run.TurnDraft;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.kafka.broker.ChildJvm;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** How many bytes of full pages arrive in a second at another process, uncompressed, beside a bare loop. */
public final class ExchangeMeasure implements Measure {
    public static final List<String> OPTIONS = List.of("--seconds", "--warm-up", "--rounds", "--cores");
    public static final String USAGE =
            """
              --seconds N      measured seconds per turn (default 8)
              --warm-up N      seconds before that, not counted (default 4)
              --rounds N       how often each has its turn (default 5)
            """;

    private static final String HEAP = "-Xmx512m";
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private final Options options;
    private final Launcher launcher;

    public ExchangeMeasure(Options options, Launcher launcher) {
        this.options = options;
        this.launcher = launcher;
    }

    @Override
    public String id() {
        return "exchange";
    }

    @Override
    public String title() {
        return "Rows from one process to another, over loopback";
    }

    @Override
    public List<Engine> engines() {
        return List.of(Engine.BARE, Engine.MILLRACE);
    }

    @Override
    public List<Figure> figures() {
        return List.of(new Figure("megabytes", "throughput", "MB/s", 0, true));
    }

    @Override
    public int rounds() {
        return options.whole("--rounds", 5, 1);
    }

    @Override
    public List<Case> prepare(Path folder) {
        String title = "one channel of full pages with rows of %d bytes".formatted(ExchangeRows.ROW_BYTES);
        return List.of(new Case("exchange", title, Map.of()));
    }

    @Override
    public void turn(Engine engine, Case of, int round, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        int seconds = options.whole("--seconds", 8, 1);
        draft.settings(Map.of("compression", "none", "heap", HEAP, "event loops each", "1"));
        Launcher.Program program = new Launcher.Program(Engine.Runtime.SPARK, ExchangeProgram.class.getName(), HEAP);
        Arguments toReceive = new Arguments()
                .with("engine", engine.id())
                .with("role", "receive")
                .with("warmUpSeconds", options.whole("--warm-up", 4, 1))
                .with("seconds", seconds);
        try (ChildJvm receiver = launcher.start(program, folder, "receiver", toReceive)) {
            int port = Launcher.await(receiver, "ready", PATIENCE).get("port").asInt();
            Arguments toSend = new Arguments()
                    .with("engine", engine.id())
                    .with("role", "send")
                    .with("port", port);
            try (ChildJvm sender = launcher.start(program, folder, "sender", toSend)) {
                JsonNode result = Launcher.await(receiver, "result", PATIENCE.plusSeconds(seconds));
                draft.figure(
                        "megabytes",
                        result.get("bytes").asLong() * 1e3 / result.get("nanos").asLong());
                if (!sender.isAlive()) {
                    throw new CannotRunException("the sender ended by itself");
                }
            }
        }
    }

    @Override
    public void close() {}
}
