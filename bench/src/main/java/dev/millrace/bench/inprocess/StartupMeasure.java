package dev.millrace.bench.inprocess;

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
import dev.millrace.bench.workload.Workloads;
import dev.millrace.kafka.broker.ChildJvm;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** From a query's start to its first answer, in a session that has run queries before; and what an idle query costs. */
public final class StartupMeasure implements Measure {
    public static final List<String> OPTIONS = List.of("--engines", "--work", "--starts", "--rounds", "--cores");
    public static final String USAGE =
            """
              --engines a,b    millrace, spark, spark-rtm (default all; other engines have no sessions)
              --work a,b       stateless, count-1k and others in one process (default stateless,count-1k)
              --starts N       of the query in a session; the last one is the measured one (default 6)
              --rounds N       how often each engine has its turn (default 3)
            """;

    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final String HEAP = "-Xms1g -Xmx1g";

    private final Options options;
    private final Launcher launcher;

    public StartupMeasure(Options options, Launcher launcher) {
        this.options = options;
        this.launcher = launcher;
        works().forEach(Workloads::of);
    }

    @Override
    public String id() {
        return "startup";
    }

    @Override
    public String title() {
        return "From a query's start to its first answer, and what an idle query costs";
    }

    @Override
    public List<Engine> engines() {
        return options.engines(Engine.MILLRACE, Engine.SPARK, Engine.REAL_TIME_MODE);
    }

    @Override
    public List<Figure> figures() {
        return List.of(
                new Figure("startMillis", "start, warm session", "ms", 0, true),
                new Figure("firstMillis", "first start of the process", "ms", 0, true),
                new Figure("idlePercent", "idle", "% of a core", 1, false));
    }

    @Override
    public int rounds() {
        return options.whole("--rounds", 3, 1);
    }

    private List<String> works() {
        return options.list("--work", options.quick() ? "count-1k" : "stateless,count-1k");
    }

    @Override
    public List<Case> prepare(Path folder) {
        List<Case> cases = new ArrayList<>();
        for (String work : works()) {
            String title = "%s (%s)".formatted(work, Workloads.of(work).description());
            cases.add(new Case(work, title, Map.of("work", work)));
        }
        return cases;
    }

    @Override
    public void turn(Engine engine, Case of, int round, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        if (engine.runtime() != Engine.Runtime.SPARK || engine == Engine.ENGINE) {
            throw new CannotRunException("it has no session in which queries start");
        }
        Arguments arguments = new Arguments()
                .with("engine", engine.id())
                .with("work", of.parameter("work"))
                .with("folder", folder)
                .with("drain", false)
                .with("starts", options.whole("--starts", 6, 2))
                .with("idleSeconds", options.quick() ? 1 : 5);
        try (ChildJvm child = launcher.start(
                new Launcher.Program(engine.runtime(), SparkStartupProgram.class.getName(), HEAP),
                folder,
                "engine",
                arguments)) {
            JsonNode result = Launcher.await(child, "result", PATIENCE);
            JsonNode starts = result.get("startMillis");
            draft.settings(Launcher.texts(result.get("settings")));
            draft.figure("startMillis", starts.get(starts.size() - 1).asDouble());
            draft.figure("firstMillis", starts.get(0).asDouble());
            draft.figure("idlePercent", result.get("idlePercent").asDouble());
        }
    }

    @Override
    public void close() {}
}
