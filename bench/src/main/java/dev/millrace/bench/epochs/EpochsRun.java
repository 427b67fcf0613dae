package dev.millrace.bench.epochs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.kafka.broker.ChildJvm;
import dev.millrace.kafka.broker.KafkaBroker;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;

/**
 * The same query with short epochs and with one long one, in turn, each turn in a JVM of its own, with its
 * checkpoint on the local disk.
 *
 * <p>Thread: one.
 */
public final class EpochsRun {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String SHORT = "1 second";
    private static final String LONG = "10 minutes";
    private static final String HEAP = "-Xmx2g";
    private static final Duration START_TIMEOUT = Duration.ofMinutes(5);

    private final EpochsOptions options;

    public EpochsRun(EpochsOptions options) {
        this.options = options;
    }

    /** Measures, prints a line for each turn and what follows from all, and appends the turns to {@code results}. */
    public void run(Path folder, Path results) throws IOException, InterruptedException {
        System.out.printf(
                Locale.ROOT,
                "%,d keys, %,d updates/s, %d cores, Java %s, heap %s, checkpoint on the local disk%n",
                options.keyCount(),
                options.rate(),
                Runtime.getRuntime().availableProcessors(),
                Runtime.version(),
                HEAP);
        List<JsonNode> shorts = new ArrayList<>();
        List<JsonNode> longs = new ArrayList<>();
        for (int round = 1; round <= options.rounds(); round++) {
            for (String epoch : round % 2 == 0 ? List.of(SHORT, LONG) : List.of(LONG, SHORT)) {
                System.out.printf("round %d of %d, epochs of %s ... ", round, options.rounds(), epoch);
                JsonNode turn = turn(folder.resolve("%d-%s".formatted(round, epoch.replace(' ', '-'))), epoch);
                (epoch.equals(SHORT) ? shorts : longs).add(turn);
                System.out.println(brief(turn));
                write(results, round, epoch, turn);
            }
        }
        report(shorts, longs);
        System.out.println("results: " + results);
        KafkaBroker.deleteTree(folder);
    }

    private JsonNode turn(Path own, String epoch) throws IOException, InterruptedException {
        Files.createDirectories(own);
        Path log = own.resolve("program.log");
        List<String> jvmOptions = List.of(
                "@" + System.getProperty("bench.launch", "") + "/jvm-options",
                HEAP,
                "-Dlog4j2.configurationFile=log4j2-file.properties",
                "-Dbench.log=" + log);
        List<String> arguments = new ArrayList<>(List.of(own.toString(), epoch));
        arguments.addAll(options.words());
        Duration patience = START_TIMEOUT.plusSeconds(options.seconds() + options.warmUpSeconds());
        try (ChildJvm child = ChildJvm.start(
                new ChildJvm.Command("epochs of " + epoch, jvmOptions, EpochsProgram.class.getName(), arguments),
                log)) {
            String line = child.awaitLine(text -> text.startsWith("result ") || text.startsWith("failed "), patience);
            if (line.startsWith("failed ")) {
                throw new IOException("Cannot measure epochs of %s: %s. See %s."
                        .formatted(epoch, line.substring("failed ".length()), log));
            }
            return MAPPER.readTree(line.substring("result ".length()));
        }
    }

    private void write(Path results, int round, String epoch, JsonNode turn) throws IOException {
        ObjectNode line = MAPPER.createObjectNode()
                .put("run", "epochs")
                .put("time", Instant.now().toString())
                .put("round", round)
                .put("epoch", epoch)
                .put("rate", options.rate())
                .put("seconds", options.seconds())
                .put("warmUpSeconds", options.warmUpSeconds())
                .put("heap", HEAP)
                .put("java", Runtime.version().toString())
                .put("cores", Runtime.getRuntime().availableProcessors());
        line.setAll((ObjectNode) turn);
        Files.writeString(results, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private static String brief(JsonNode turn) {
        Histogram latency = latency(turn);
        return String.format(
                Locale.ROOT,
                "p50 %.2f  p99 %.2f  p99.9 %.2f ms, %d updates, %d epochs",
                latency.getValueAtPercentile(50) / 1_000.0,
                latency.getValueAtPercentile(99) / 1_000.0,
                latency.getValueAtPercentile(99.9) / 1_000.0,
                latency.getTotalCount(),
                turn.get("epochs").asLong());
    }

    private static void report(List<JsonNode> shorts, List<JsonNode> longs) {
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < shorts.size(); i++) {
            double divisor = latency(longs.get(i)).getValueAtPercentile(99.9);
            ratios.add(latency(shorts.get(i)).getValueAtPercentile(99.9) / Math.max(1, divisor));
        }
        print("p99.9, epochs of %s over one of %s".formatted(SHORT, LONG), "×", ratios);
        print("memory per key beyond key and value", "bytes", of(shorts, turn -> number(turn, "bytesPerKey")));
        print("restart to the first answer", "ms", of(shorts, turn -> number(turn, "restartMillis")));
        print("the same with next to no state", "ms", of(shorts, turn -> number(turn, "smallRestartMillis")));
        print("keys and values restored in the time between", "MB/s", of(shorts, EpochsRun::restoreRate));
    }

    /** Infinite where the state made no difference that could be measured. */
    private static double restoreRate(JsonNode turn) {
        double millis = number(turn, "restartMillis") - number(turn, "smallRestartMillis");
        return millis > 0 ? number(turn, "stateBytes") / 1_000 / millis : Double.POSITIVE_INFINITY;
    }

    private static double number(JsonNode turn, String name) {
        return turn.get(name).asDouble();
    }

    private static List<Double> of(List<JsonNode> turns, java.util.function.ToDoubleFunction<JsonNode> what) {
        return turns.stream().map(what::applyAsDouble).toList();
    }

    private static void print(String what, String unit, List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        System.out.printf(
                Locale.ROOT,
                "%-52s %.2f [%.2f–%.2f] %s%n",
                what,
                sorted.get(sorted.size() / 2),
                sorted.get(0),
                sorted.get(sorted.size() - 1),
                unit);
    }

    private static Histogram latency(JsonNode turn) {
        try {
            ByteBuffer bytes = ByteBuffer.wrap(
                    Base64.getDecoder().decode(turn.get("histogram").asText()));
            return Histogram.decodeFromCompressedByteBuffer(bytes, 0);
        } catch (DataFormatException e) {
            throw new IllegalStateException("Cannot read the program's histogram.", e);
        }
    }
}
