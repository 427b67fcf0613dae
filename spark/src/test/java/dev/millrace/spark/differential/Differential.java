package dev.millrace.spark.differential;

import dev.millrace.engine.harness.SeedRun;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.batches.PerBatchComparison;
import dev.millrace.spark.standalone.StandaloneCluster;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.sql.classic.SparkSession;
import org.jspecify.annotations.Nullable;

/**
 * Runs random queries over random rows on Millrace and on stock Spark for as many seeds as one likes, in
 * each {@link Way}, with a progress bar; {@code bin/differential} starts it. At the first difference it ends
 * with 1 and prints a small program that shows it.
 */
public final class Differential {
    /** Cases that run at once: most of a case's time is spent waiting for epochs. */
    static final int THREADS = 5;

    private static final long PATIENCE_MILLIS = 240_000;
    private static final long SHRINKING_PATIENCE_MILLIS = 2_500;
    private static final long SHRINKING_SECONDS = 90;

    /** One more than any query has loops: else Spark's own batches would wait for the workers' cores. */
    private static final int CORES_EACH = 4;

    private static final String DIFFERENCE = "difference";

    private final Way way;
    private final ThreadLocal<SparkSession> session;
    private final AtomicLong refused = new AtomicLong();

    Differential(Way way, SparkSession session) {
        this.way = way;
        this.session = ThreadLocal.withInitial(() -> (SparkSession) session.newSession());
    }

    /** Arguments: {@code [--seeds N] [--from SEED] [--only continuous|bounded|cluster|cluster_bounded] [--cluster]}. */
    public static void main(String[] arguments) throws Exception {
        long seeds = 200;
        long from = 0;
        List<Way> ways = List.of(Way.CONTINUOUS, Way.BOUNDED);
        for (int i = 0; i < arguments.length; i++) {
            switch (arguments[i]) {
                case "--seeds" -> seeds = Long.parseLong(value(arguments, ++i));
                case "--from" -> from = Long.parseLong(value(arguments, ++i));
                case "--only" ->
                    ways = List.of(Way.valueOf(value(arguments, ++i).toUpperCase(Locale.ROOT)));
                case "--cluster" -> ways = List.of(Way.CLUSTER, Way.CLUSTER_BOUNDED);
                default -> usage();
            }
        }
        for (Way way : ways) {
            run(way, from, seeds);
        }
    }

    private static String value(String[] arguments, int index) {
        return index < arguments.length ? arguments[index] : "";
    }

    private static void run(Way way, long from, long seeds) throws Exception {
        try (Place place = Place.of(way)) {
            Differential differential = new Differential(way, place.session());
            SeedRun.Failure failure = SeedRun.of(differential.name(), differential::check, from, seeds, THREADS)
                    .withBar()
                    .run();
            System.out.printf("%d of them were queries that Spark does not stream%n", differential.refused());
            if (failure != null) {
                System.out.println(differential.report(failure.seed(), failure.cause()));
                System.exit(1);
            }
        }
    }

    private String name() {
        return way.name().toLowerCase(Locale.ROOT);
    }

    private static void usage() {
        System.err.println(
                "Usage: bin/differential [--seeds N] [--from SEED] [--only continuous|bounded|cluster|cluster_bounded] [--cluster]");
        System.exit(2);
    }

    /** Where queries run: this process, or a master of its own with its executors. */
    static final class Place implements AutoCloseable {
        private final @Nullable StandaloneCluster cluster;
        private final SparkSession session;

        private Place(@Nullable StandaloneCluster cluster) {
            this.cluster = cluster;
            // So many that those of a case are all there when it ends.
            Map<String, String> settings =
                    new HashMap<>(Map.of("spark.sql.streaming.numRecentProgressUpdates", "2000"));
            if (cluster != null) {
                settings.putAll(cluster.settings());
            }
            this.session = PerBatchComparison.startSession(cluster == null ? "local[2]" : cluster.master(), settings);
            // Spark logs generated code as an error that its own batches then go on without.
            session.sparkContext().setLogLevel("FATAL");
        }

        static Place of(Way way) throws IOException {
            if (!way.isOnExecutors()) {
                return new Place(null);
            }
            StandaloneCluster cluster =
                    StandaloneCluster.start(Path.of("target/clusters"), Way.EXECUTORS, CORES_EACH, Map.of());
            return new Place(cluster);
        }

        SparkSession session() {
            return session;
        }

        @Override
        public void close() {
            LocalSpark.stop(session);
            if (cluster != null) {
                cluster.close();
            }
        }
    }

    /** Fails where a query did not have its tasks on so many executors, or had one in this process. */
    static void requireOnWorkers(Set<Long> processes, int workers) {
        long driver = ProcessHandle.current().pid();
        if (processes.size() < workers || processes.contains(driver)) {
            throw new AssertionError("It did not run on %d executors: processes=%s, the driver's=%d"
                    .formatted(workers, processes, driver));
        }
    }

    long refused() {
        return refused.get();
    }

    /** Fails where the answers of a seed's case differ. */
    void check(long seed) throws Exception {
        try {
            String difference = way.difference(session.get(), way.draw(seed), PATIENCE_MILLIS);
            if (!difference.isEmpty()) {
                throw new AssertionError(difference);
            }
        } catch (RefusedException refusal) {
            refused.incrementAndGet();
        }
    }

    /** What went wrong, and the smallest program found that shows it. */
    String report(long seed, Throwable cause) {
        Case failing = way.draw(seed);
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
