package dev.millrace.spark.differential;

import dev.millrace.engine.harness.SeedRun;
import dev.millrace.spark.LocalSpark;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager;

/**
 * Runs random queries over random rows on Millrace and on stock Spark for as many seeds as one likes, in
 * each {@link Way}, with a progress bar; {@code bin/differential} starts it. At the first difference it ends
 * with 1 and prints a small program that shows it.
 */
public final class Differential {
    /** Cases that run at once: most of a case's time is spent waiting for epochs. */
    static final int THREADS = 5;

    private static final long PATIENCE_MILLIS = 20_000;
    private static final long SHRINKING_PATIENCE_MILLIS = 2_500;
    private static final long SHRINKING_SECONDS = 90;

    private static final String DIFFERENCE = "difference";

    private final Way way;
    private final ThreadLocal<SparkSession> session;
    private final AtomicLong refused = new AtomicLong();

    Differential(Way way, SparkSession session) {
        this.way = way;
        this.session = ThreadLocal.withInitial(() -> (SparkSession) session.newSession());
    }

    /** Arguments: {@code [--seeds N] [--from SEED] [--only continuous|bounded]}. */
    public static void main(String[] arguments) throws InterruptedException {
        long seeds = 200;
        long from = 0;
        List<Way> ways = List.of(Way.values());
        for (int i = 0; i < arguments.length; i += 2) {
            String value = i + 1 < arguments.length ? arguments[i + 1] : "";
            switch (arguments[i]) {
                case "--seeds" -> seeds = Long.parseLong(value);
                case "--from" -> from = Long.parseLong(value);
                case "--only" -> ways = List.of(Way.valueOf(value.toUpperCase(Locale.ROOT)));
                default -> usage();
            }
        }
        SparkSession session = start();
        for (Way way : ways) {
            Differential differential = new Differential(way, session);
            SeedRun.Failure failure = SeedRun.of(differential.name(), differential::check, from, seeds, THREADS)
                    .withBar()
                    .run();
            System.out.printf("%d of them were queries that Spark does not stream%n", differential.refused());
            if (failure != null) {
                System.out.println(differential.report(failure.seed(), failure.cause()));
                System.exit(1);
            }
        }
        LocalSpark.stop(session);
    }

    private String name() {
        return way.name().toLowerCase(Locale.ROOT);
    }

    private static void usage() {
        System.err.println("Usage: bin/differential [--seeds N] [--from SEED] [--only continuous|bounded]");
        System.exit(2);
    }

    static SparkSession start() {
        // Spark's default on a local disk starts several processes for each file of a log.
        String files = FileSystemBasedCheckpointFileManager.class.getName();
        SparkSession session = LocalSpark.start(
                "local[2]",
                Map.of(
                        "spark.sql.streaming.numRecentProgressUpdates",
                        "5",
                        "spark.sql.streaming.checkpointFileManagerClass",
                        files));
        // Spark logs generated code as an error that its own batches then go on without.
        session.sparkContext().setLogLevel("FATAL");
        return session;
    }

    long refused() {
        return refused.get();
    }

    /** Fails where the answers of a seed's case differ. */
    void check(long seed) throws Exception {
        try {
            String difference = way.difference(session.get(), Case.draw(seed), PATIENCE_MILLIS);
            if (!difference.isEmpty()) {
                throw new AssertionError(difference);
            }
        } catch (RefusedException refusal) {
            refused.incrementAndGet();
        }
    }

    /** What went wrong, and the smallest program found that shows it. */
    String report(long seed, Throwable cause) {
        Case failing = Case.draw(seed);
        String kind =
                cause instanceof AssertionError ? DIFFERENCE : cause.getClass().getName();
        Case smallest = new Shrinker(smaller -> kind.equals(failureOf(smaller)), SHRINKING_SECONDS).shrink(failing);
        return "seed %d, %s mode:%n%s%n%n%s%nReplay it with: bin/differential --only %s --from %d --seeds 1%nA smaller case:%n%n%s"
                .formatted(
                        seed,
                        failing.query().mode(),
                        failing.query().top().toJava(false),
                        text(cause),
                        name(),
                        seed,
                        new CaseProgram(way, smallest).text());
    }

    private static String text(Throwable cause) {
        return cause instanceof AssertionError ? Objects.toString(cause.getMessage()) : trace(cause);
    }

    private static String trace(Throwable cause) {
        java.io.StringWriter text = new java.io.StringWriter();
        cause.printStackTrace(new java.io.PrintWriter(text));
        return text.toString();
    }

    private String failureOf(Case candidate) {
        try {
            String difference = way.difference(session.get(), candidate, SHRINKING_PATIENCE_MILLIS);
            return difference.isEmpty() ? "" : DIFFERENCE;
        } catch (Exception | AssertionError failure) {
            return failure.getClass().getName();
        }
    }
}
