package dev.millrace.spark.differential;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.RowTexts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;

/**
 * Runs a case on Millrace in real time, and compares what its sink has committed at the end with Spark's
 * batch answer over the same rows.
 *
 * <p>Thread: one, with a session whose settings are its own.
 */
final class ContinuousRun implements AutoCloseable {
    private static final AtomicLong NAMES = new AtomicLong();
    private static final long EPOCH_MILLIS = 100;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(3);

    /** Spark does not stream the query. */
    static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1L;

        RefusedException(AnalysisException cause) {
            super(cause);
        }
    }

    private final Case drawn;
    private final SparkSession session;
    private final long patienceNanos;
    private final String name;
    private final Path checkpoint;
    private final List<RowsProvider.Shelf> shelves = new ArrayList<>();

    private ContinuousRun(SparkSession session, Case drawn, long patienceMillis) throws IOException {
        this.drawn = drawn;
        this.session = session;
        this.patienceNanos = TimeUnit.MILLISECONDS.toNanos(patienceMillis);
        this.name = "case-%d-%d".formatted(drawn.seed(), NAMES.incrementAndGet());
        this.checkpoint = Files.createTempDirectory("millrace-" + name + "-");
        drawn.settings().forEach((key, value) -> session.conf().set(key, value));
        for (int i = 0; i < drawn.tables().size(); i++) {
            shelves.add(RowsProvider.put(name + "-" + i, drawn.tables().get(i)));
        }
    }

    /**
     * How the answers differ, or nothing where they do not.
     *
     * @param patienceMillis how long to wait for the answer
     */
    static String difference(SparkSession session, Case drawn, long patienceMillis) throws Exception {
        try (ContinuousRun run = new ContinuousRun(session, drawn, patienceMillis)) {
            return run.difference();
        }
    }

    private String difference() throws Exception {
        Answer expected = new Answer(drawn.query(), RowTexts.texts(batch().collectAsList()));
        StreamingQuery query = start();
        try {
            for (int i = 0; i < drawn.phases().size(); i++) {
                if (i > 0) {
                    query = between(drawn.between().get(i - 1), query);
                }
                for (int s = 0; s < shelves.size(); s++) {
                    shelves.get(s).release(drawn.phases().get(i).get(s));
                }
            }
            StreamingQuery last = query;
            await(last, "all rows are read", () -> isAllRead(last));
            await(last, "", () -> expected.difference(actual()).isEmpty());
            last.stop();
            return expected.difference(actual());
        } finally {
            query.stop();
        }
    }

    private Dataset<Row> batch() {
        List<Dataset<Row>> tables = new ArrayList<>();
        for (int i = 0; i < drawn.tables().size(); i++) {
            tables.add(session.createDataFrame(
                            drawn.expectedRows(i), drawn.tables().get(i).schema())
                    .coalesce(1));
        }
        return drawn.query().top().over(tables, true);
    }

    private StreamingQuery start() throws Exception {
        List<Dataset<Row>> streams = new ArrayList<>();
        for (int i = 0; i < shelves.size(); i++) {
            streams.add(session.readStream()
                    .format(RowsProvider.class.getName())
                    .option("table", name + "-" + i)
                    .load());
        }
        StreamingQuery query = start(drawn.query().top().over(streams, false));
        if (!LocalSpark.isOnMillrace(query)) {
            throw new AssertionError("The query does not run on Millrace.");
        }
        return query;
    }

    private StreamingQuery start(Dataset<Row> stream) throws Exception {
        try {
            return stream.writeStream()
                    .format(EpochRowsProvider.class.getName())
                    .option("name", name)
                    .option("checkpointLocation", checkpoint.toString())
                    .outputMode(drawn.query().mode())
                    .trigger(Trigger.RealTime(EPOCH_MILLIS, TimeUnit.MILLISECONDS))
                    .start();
        } catch (Exception failure) {
            if (failure instanceof AnalysisException refusal) {
                throw new RefusedException(refusal);
            }
            throw failure;
        }
    }

    private StreamingQuery between(Case.Event event, StreamingQuery query) throws Exception {
        switch (event) {
            case NOTHING -> {}
            case COMMIT -> query.processAllAvailable();
            case WATERMARK -> await(query, "the watermark passes the first rows", () -> hasFirstWatermark(query));
            case RESTART -> {
                query.stop();
                return start();
            }
            case FAILURE -> {
                query.processAllAvailable();
                // A query that has committed nothing since it was started ends at its first failure, by its policy.
                if (query.lastProgress() != null) {
                    shelves.get(0).failAfter((int) (drawn.seed() % 7));
                }
            }
        }
        return query;
    }

    private static boolean hasFirstWatermark(StreamingQuery query) {
        if (query.lastProgress() == null) {
            return false;
        }
        String watermark = query.lastProgress().eventTime().get("watermark");
        return watermark != null
                && Instant.parse(watermark).toEpochMilli() > RandomTables.START_MILLIS - TimeUnit.HOURS.toMillis(1);
    }

    private boolean isAllRead(StreamingQuery query) {
        if (query.lastProgress() == null) {
            return false;
        }
        List<int[]> end = drawn.phases().get(drawn.phases().size() - 1);
        return java.util.Arrays.stream(query.lastProgress().sources()).allMatch(source -> end.stream()
                .anyMatch(counts ->
                        java.util.Arrays.toString(counts).replace(" ", "").equals(source.endOffset())));
    }

    private List<List<String>> actual() {
        return List.copyOf(EpochRowsProvider.epochs(name).values());
    }

    /** Waits, but not for ever; then the answer tells what is wrong, or else what was waited for. */
    private void await(StreamingQuery query, String what, BooleanSupplier condition) throws Exception {
        long deadline = System.nanoTime() + patienceNanos;
        while (!condition.getAsBoolean()) {
            if (query.exception().isDefined()) {
                throw query.exception().get();
            }
            if (System.nanoTime() - deadline > 0) {
                if (what.isEmpty()) {
                    return;
                }
                throw new AssertionError("It does not happen that " + what + ": " + query.lastProgress());
            }
            java.util.concurrent.locks.LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    @Override
    public void close() throws IOException {
        EpochRowsProvider.remove(name);
        for (int i = 0; i < shelves.size(); i++) {
            RowsProvider.remove(name + "-" + i);
        }
        try (Stream<Path> files = Files.walk(checkpoint)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
