package dev.millrace.spark.differential;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.RowTexts;
import dev.millrace.spark.batches.BatchesProvider;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.function.Supplier;
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
    private static final String WHOLE_STAGE = "spark.sql.codegen.wholeStage";
    private static final String CODE_FACTORY = "spark.sql.codegen.factoryMode";
    private static final long EPOCH_MILLIS = 100;
    private static final int MOST_LOOPS = 3;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(3);

    private final Case drawn;
    private final SparkSession session;
    private final long patienceNanos;
    private final String name;
    private final Path folder;
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
        this.folder = Files.createTempDirectory("millrace-" + name + "-");
        this.checkpoint = folder.resolve("checkpoint");
        this.failures =
                new Failures(Files.createDirectory(folder.resolve("failures")).toString());
        this.committed = new BatchesProvider.Batches(failures);
        drawn.settings().forEach((key, value) -> session.conf().set(key, value));
        for (int i = 0; i < drawn.tables().size(); i++) {
            shelves.add(
                    RowsProvider.put(name + "-" + i, drawn.tables().get(i), folder.resolve("released-" + i), failures));
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

    /** The same on so many executors, each of which must have had its part of the query, and the driver none. */
    static String differenceOnWorkers(SparkSession session, Case drawn, long patienceMillis, int workers)
            throws Exception {
        session.conf().set("spark.millrace.workers", Integer.toString(workers));
        try (ContinuousRun run = new ContinuousRun(session, drawn, patienceMillis)) {
            String difference = run.difference();
            Differential.requireOnWorkers(run.committed.processes(), workers);
            return difference;
        }
    }

    private String difference() throws Exception {
        Answer expected = new Answer(drawn.query(), interpreted(this::batchAnswer));
        Metrics metrics = drawn.isUndisturbed() ? interpreted(() -> new Metrics(drawn, this::tables)) : Metrics.NONE;
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
        await(
                "",
                running -> expected.difference(actual()).isEmpty()
                        && metrics.difference(running.recentProgress()).isEmpty());
        failures.disarm();
        query().stop();
        return expected.difference(actual()) + metrics.difference(query().recentProgress());
    }

    private List<String> batchAnswer() {
        return RowTexts.texts(
                drawn.query().top().over(tables(drawn::expectedRows), true).collectAsList());
    }

    /** Without generated code, which would take Spark longer to compile than the rows take it without. */
    private <T> T interpreted(Supplier<T> answer) {
        String codegen = drawn.settings().getOrDefault(WHOLE_STAGE, "true");
        session.conf().set(WHOLE_STAGE, "false");
        session.conf().set(CODE_FACTORY, "NO_CODEGEN");
        try {
            return answer.get();
        } finally {
            session.conf().set(WHOLE_STAGE, codegen);
            session.conf().unset(CODE_FACTORY);
        }
    }

    private List<Dataset<Row>> tables(IntFunction<List<Row>> rows) {
        List<Dataset<Row>> tables = new ArrayList<>();
        for (int i = 0; i < drawn.tables().size(); i++) {
            tables.add(
                    session.createDataFrame(rows.apply(i), drawn.tables().get(i).schema())
                            .coalesce(1));
        }
        return tables;
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
            streams.add(isToFail && !failsAtEnd ? stream.filter(failures.passing()) : stream);
        }
        Dataset<Row> rows = drawn.query().top().over(streams, false);
        query = start(isToFail && failsAtEnd ? rows.filter(failures.passing()) : rows);
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
            case COMMIT, CLOSING -> commitAll();
            case WATERMARK -> {
                // A query that starts again behind an earlier epoch takes late rows together with the first ones.
                commitAll();
                await("the watermark passes the first rows", ContinuousRun::hasFirstWatermark);
            }
            case RESTART -> {
                query().stop();
                start();
            }
            default -> failures.arm(event, number);
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

    /** By the logs: a query that starts again behind all rows has no progress to tell of. */
    private boolean isAllRead(StreamingQuery unused) {
        try (Stream<Path> commits = Files.list(checkpoint.resolve("commits"))) {
            long last = commits.map(file -> file.getFileName().toString())
                    .filter(file -> file.matches("\\d+"))
                    .mapToLong(Long::parseLong)
                    .max()
                    .orElse(-1);
            Path offsets = checkpoint.resolve("offsets/" + last);
            List<String> committedTo = Files.exists(offsets) ? Files.readAllLines(offsets) : List.of();
            return drawn.phases().get(drawn.phases().size() - 1).stream()
                    .allMatch(end ->
                            committedTo.contains(java.util.Arrays.toString(end).replace(" ", "")));
        } catch (NoSuchFileException e) {
            return false;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
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
        for (int i = 0; i < shelves.size(); i++) {
            RowsProvider.remove(name + "-" + i);
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
