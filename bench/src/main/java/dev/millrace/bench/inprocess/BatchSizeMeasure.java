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
import dev.millrace.bench.workload.Histograms;
import dev.millrace.bench.workload.Workloads;
import dev.millrace.kafka.broker.ChildJvm;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;

/** How long a batch takes, by how many rows it has: what every batch costs, and what its rows do. */
public final class BatchSizeMeasure implements Measure {
    public static final List<String> OPTIONS =
            List.of("--engines", "--work", "--sizes", "--seconds", "--warm-up", "--rounds", "--cores");
    public static final String USAGE =
            """
              --engines a,b    the first is what the others are compared with (default millrace-bounded,spark)
              --work a,b       as in throughput, in one process (default stateless,count-1k)
              --sizes a,b      rows of a batch (default 1,100,10000,1000000)
              --seconds N      measured seconds per turn (default 15)
              --warm-up N      seconds before that, not counted (default 15)
              --rounds N       how often each engine has its turn (default 3)
            """;

    private static final Duration START_TIMEOUT = Duration.ofMinutes(5);
    private static final String HEAP = "-Xms3g -Xmx3g";

    private final Options options;
    private final Launcher launcher;

    public BatchSizeMeasure(Options options, Launcher launcher) {
        this.options = options;
        this.launcher = launcher;
        works().forEach(Workloads::of);
    }

    @Override
    public String id() {
        return "batch-size";
    }

    @Override
    public String title() {
        return "How long a batch takes, by its size";
    }

    @Override
    public List<Engine> engines() {
        return options.engines(Engine.MILLRACE_BOUNDED, Engine.SPARK);
    }

    @Override
    public List<Figure> figures() {
        return List.of(
                new Figure("p50", "batch, p50", "ms", 1, true),
                new Figure("p99", "batch, p99", "ms", 1, true),
                new Figure("besideLogs", "batch without its log files, p50", "ms", 0, true),
                new Figure("rowsPerSecond", "rows", "M/s", 3, true));
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
            for (String size : options.list("--sizes", options.quick() ? "100,10000" : "1,100,10000,1000000")) {
                if (!size.matches("[1-9][0-9]{0,8}")) {
                    throw new IllegalArgumentException(
                            "Cannot measure: --sizes=%s. Give whole numbers above 0.".formatted(size));
                }
                String title = "%s, batches of %,d rows".formatted(work, Integer.parseInt(size));
                cases.add(new Case("batch-%s-%s".formatted(work, size), title, Map.of("work", work, "rows", size)));
            }
        }
        return cases;
    }

    @Override
    public void turn(Engine engine, Case of, int round, Path folder, TurnDraft draft)
            throws IOException, InterruptedException, CannotRunException {
        if (engine != Engine.MILLRACE_BOUNDED && engine != Engine.SPARK) {
            throw new CannotRunException("it has no batches");
        }
        int seconds = options.whole("--seconds", 15, 3);
        int warmUpSeconds = options.whole("--warm-up", 15, 3);
        Arguments arguments = new Arguments()
                .with("engine", engine.id())
                .with("work", of.parameter("work"))
                .with("folder", folder)
                .with("drain", false)
                .with("batchRows", of.parameter("rows"))
                .with("seconds", seconds)
                .with("warmUpSeconds", warmUpSeconds);
        try (ChildJvm child = launcher.start(
                new Launcher.Program(engine.runtime(), SparkBatchesProgram.class.getName(), HEAP),
                folder,
                "engine",
                arguments)) {
            JsonNode result = Launcher.await(child, "result", START_TIMEOUT.plusSeconds(seconds + warmUpSeconds));
            Histogram batches = Histograms.decode(result.get("histogram").asText());
            draft.settings(Launcher.texts(result.get("settings")));
            draft.figure("p50", batches.getValueAtPercentile(50) / 1_000.0);
            draft.figure("p99", batches.getValueAtPercentile(99) / 1_000.0);
            draft.figure("besideLogs", result.get("besideLogsMillis").asDouble());
            draft.figure("rowsPerSecond", result.get("rowsPerSecond").asDouble() / 1e6);
            draft.histogram(result.get("histogram").asText());
        }
    }

    @Override
    public void close() {}
}
