package dev.millrace.bench.epochs;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Histograms;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.spark.sql.streaming.StateOperatorProgress;
import org.apache.spark.sql.streaming.StreamingQuery;

/**
 * One turn in a JVM of its own: fills the state, updates keys at random at a steady rate, stops, and
 * starts again from the checkpoint, and before and after that from another one with next to no state: each start of a
 * process is faster than the one before, so neither alone tells what of the start is not reading. Prints one line,
 * {@code result <json>} or {@code failed <why>}.
 */
public final class EpochsProgram {
    /** An unsafe row of one long as the key; of two as the value. */
    private static final int KEY_AND_VALUE_BYTES = 16 + 24;

    /** Next to nothing to restore. */
    private static final int SMALL_KEY_COUNT = 2;

    private final Arguments arguments;
    private final UpdatesQuery queries;
    private final int keyCount;

    private EpochsProgram(Arguments arguments, UpdatesQuery queries) {
        this.arguments = arguments;
        this.queries = queries;
        this.keyCount = arguments.whole("keys");
    }

    /** Takes folder, epoch, its length as Spark writes it, rate, keys, seconds and warmUpSeconds. */
    public static void main(String[] words) {
        Arguments arguments = Arguments.parse(words);
        try {
            UpdatesQuery queries = UpdatesQuery.of(arguments);
            System.out.println("result " + new EpochsProgram(arguments, queries).run());
            queries.spark().stop();
        } catch (Exception e) {
            System.out.println("failed " + e);
            org.slf4j.LoggerFactory.getLogger(EpochsProgram.class).error("The measurement failed.", e);
        }
        System.exit(0);
    }

    private ObjectNode run() throws Exception {
        var unused = startToFirstUpdate("small", SMALL_KEY_COUNT); // warms the start up, and leaves a checkpoint
        long filledBefore = UpdateMeter.filled();
        StreamingQuery query = queries.start("full", keyCount);
        UpdatesQuery.await(query, () -> UpdateMeter.filled() - filledBefore >= keyCount);
        Thread.sleep(TimeUnit.SECONDS.toMillis(arguments.number("warmUpSeconds")));
        UpdateMeter.measure(true);
        Thread.sleep(TimeUnit.SECONDS.toMillis(arguments.number("seconds")));
        UpdateMeter.measure(false);
        query.stop();
        StateOperatorProgress state = query.lastProgress().stateOperators()[0];
        Restart before = startToFirstUpdate("small", SMALL_KEY_COUNT);
        Restart restart = startToFirstUpdate("full", keyCount);
        Restart after = startToFirstUpdate("small", SMALL_KEY_COUNT);
        return new ObjectMapper()
                .createObjectNode()
                .put("epochs", query.lastProgress().batchId() + 1)
                .put("keys", state.numRowsTotal())
                .put("bytesPerKey", (double) state.memoryUsedBytes() / state.numRowsTotal() - KEY_AND_VALUE_BYTES)
                .put("restartMillis", restart.millis())
                .put("smallRestartMillis", (before.millis() + after.millis()) / 2)
                .put("snapshotBytes", restart.snapshotBytes())
                .put("stateBytes", state.numRowsTotal() * KEY_AND_VALUE_BYTES)
                .put("histogram", Histograms.encode(UpdateMeter.micros()));
    }

    /** A start from what is in the checkpoint. */
    private record Restart(double millis, long snapshotBytes) {}

    private Restart startToFirstUpdate(String name, int keys) throws Exception {
        long bytes = snapshotBytes(queries.checkpoint(name));
        UpdateMeter.awaitFirstUpdate();
        long startNanos = System.nanoTime();
        StreamingQuery query = queries.start(name, keys);
        UpdatesQuery.await(query, () -> UpdateMeter.firstUpdateNanos() != 0);
        query.stop();
        return new Restart((UpdateMeter.firstUpdateNanos() - startNanos) / 1e6, bytes);
    }

    private static long snapshotBytes(Path checkpoint) throws IOException {
        Path files = checkpoint.resolve("millrace/files");
        if (!Files.exists(files)) {
            return 0;
        }
        try (Stream<Path> all = Files.list(files)) {
            return all.mapToLong(file -> file.toFile().length()).sum();
        }
    }
}
