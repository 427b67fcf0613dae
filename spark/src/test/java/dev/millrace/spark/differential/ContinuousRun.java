package dev.millrace.spark.differential;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.RowTexts;
import dev.millrace.spark.batches.BatchesProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;
import org.jspecify.annotations.Nullable;

/**
 * Runs a case on Millrace in real time, and compares what its sink has committed at the end with Spark's
 * batch answer over the same rows.
 *
 * <p>Thread: one, with a session whose settings are its own.
 */
final class ContinuousRun implements AutoCloseable {
    private static final AtomicLong NAMES = new AtomicLong();
    private static final long EPOCH_MILLIS = 100;
    private static final int MOST_LOOPS = 3;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(3);

    private final Case drawn;
    private final SparkSession session;
    private final long patienceNanos;
    private final String name;
    private final Path checkpoint;
    private final List<RowsProvider.Shelf> shelves = new ArrayList<>();
    private final Failures failures;
    private final BatchesProvider.Batches committed;
    private @Nullable StreamingQuery query;
    private int starts;

    private ContinuousRun(SparkSession session, Case drawn, long patienceMillis) throws IOException {
        this.drawn = drawn;
        this.session = session;
        this.patienceNanos = TimeUnit.MILLISECONDS.toNanos(patienceMillis);
        this.name = "case-%d-%d".formatted(drawn.seed(), NAMES.incrementAndGet());
        this.checkpoint = Files.createTempDirectory("millrace-" + name + "-");
        this.failures = Failures.of(name);
        this.committed = new BatchesProvider.Batches(failures);
        drawn.settings().forEach((key, value) -> session.conf().set(key, value));
        for (int i = 0; i < drawn.tables().size(); i++) {
            shelves.add(RowsProvider.put(name + "-" + i, drawn.tables().get(i), failures));
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
        start();
        for (int i = 0; i < drawn.phases().size(); i++) {
            if (i > 0) {
                happen(drawn.between().get(i - 1), (int) drawn.seed() + i);
            }
            for (int s = 0; s < shelves.size(); s++) {
                shelves.get(s).release(drawn.phases().get(i).get(s));
            }
        }
        await("all rows are read", this::isAllRead);
        await("", running -> expected.difference(actual()).isEmpty());
        failures.disarm();
        query().stop();
        return expected.difference(actual());
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

    /** Starts the query, each time with another number of loops. */
    private void start() throws Exception {
        long loops = 1 + (drawn.seed() + starts++) % MOST_LOOPS;
        session.conf().set("spark.millrace.loops", Long.toString(loops));
        boolean isToFail = drawn.between().contains(Case.Event.FAILED_TASK);
        boolean failsAtEnd = drawn.seed() % 2 == 0;
        List<Dataset<Row>> streams = new ArrayList<>();
        for (int i = 0; i < shelves.size(); i++) {
            Dataset<Row> stream = session.readStream()
                    .format(RowsProvider.class.getName())
                    .option("table", name + "-" + i)
                    .load();
            streams.add(isToFail && !failsAtEnd ? stream.filter(Failures.passing(name)) : stream);
        }
        Dataset<Row> rows = drawn.query().top().over(streams, false);
        query = start(isToFail && failsAtEnd ? rows.filter(Failures.passing(name)) : rows);
        if (!LocalSpark.isOnMillrace(query())) {
            throw new AssertionError("The query does not run on Millrace.");
        }
    }

    private StreamingQuery query() {
        return Objects.requireNonNull(query);
    }

    private StreamingQuery start(Dataset<Row> stream) throws Exception {
        try {
            return stream.writeStream()
                    .format(BatchesProvider.class.getName())
                    .option("batches", committed.name())
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

    /** @param number decides when a failure comes */
    private void happen(Case.Event event, int number) throws Exception {
        switch (event) {
            case NOTHING -> {}
            case COMMIT -> commitAll();
            case WATERMARK -> {
                // A query that starts again behind an earlier epoch takes late rows together with the first ones.
                commitAll();
                await("the watermark passes the first rows", ContinuousRun::hasFirstWatermark);
            }
            case RESTART -> {
                query().stop();
                start();
            }
            case FAILED_READ -> failures.arm(Failures.Place.READ, number % 23);
            case FAILED_TASK -> failures.arm(Failures.Place.TASK, number % 23);
            case FAILED_WRITE -> failures.arm(Failures.Place.WRITE, number % 7);
            case FAILED_COMMIT -> failures.arm(Failures.Place.COMMIT, number % 4);
        }
    }

    private void commitAll() throws Exception {
        while (true) {
            try {
                query().processAllAvailable();
                return;
            } catch (Exception failure) { // which Spark's method does not declare
                startAgain(failure);
            }
        }
    }

    /** After a failure on purpose; any other is what this looks for. */
    private void startAgain(Exception failure) throws Exception {
        if (!Failures.isOnPurpose(failure)) {
            throw failure;
        }
        start();
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
        return committed.inOrder();
    }

    /** Waits, but not for ever; then the answer tells what is wrong, or else what was waited for. */
    private void await(String what, Predicate<StreamingQuery> condition) throws Exception {
        long deadline = System.nanoTime() + patienceNanos;
        while (!condition.test(query())) {
            if (query().exception().isDefined()) {
                startAgain(query().exception().get());
            }
            if (System.nanoTime() - deadline > 0) {
                if (what.isEmpty()) {
                    return;
                }
                throw new AssertionError("It does not happen that " + what + ": " + query().lastProgress());
            }
            java.util.concurrent.locks.LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    @Override
    public void close() throws Exception {
        if (query != null) {
            query.stop();
        }
        committed.remove();
        Failures.remove(name);
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
