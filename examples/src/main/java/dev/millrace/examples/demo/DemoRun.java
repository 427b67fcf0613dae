package dev.millrace.examples.demo;

import dev.millrace.kafka.broker.BrokerProcess;
import dev.millrace.kafka.broker.KafkaBroker;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One run of the demo: broker, topics, Spark program, generator and meter, started in this order and ended
 * in the opposite one.
 *
 * <p>Thread: the main thread.
 */
final class DemoRun implements AutoCloseable {
    private static final int PARTITION_COUNT = 2;

    /** How long the end waits for rows that are still on their way. */
    private static final long SETTLE_NANOS = 5_000_000_000L;

    private static final long FIRST_ROWS_NANOS = 120_000_000_000L;
    /** Few, until the queries answer: what waited for their start must not be what is measured. */
    private static final int FIRST_RATE = 20;

    private static final long SETTLE_STEP_NANOS = 200_000_000L;

    private final DemoOptions options;
    private final StopSignal stop;
    private final Path folder;
    private final Path logs;
    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private @Nullable BrokerProcess broker;
    private @Nullable CardProcess queries;
    private @Nullable TransactionGenerator generator;
    private @Nullable OutputMeter meter;
    private @Nullable DemoReport report;

    DemoRun(DemoOptions options, StopSignal stop, Path folder, Path logs) {
        this.options = options;
        this.stop = stop;
        this.folder = folder;
        this.logs = logs;
    }

    /** Brings everything up, saying so step by step. */
    void start() throws Exception {
        long startNanos = System.nanoTime();
        say("starting a Kafka broker");
        broker = keep(BrokerProcess.start(folder.resolve("kafka"), log("broker"), jvmOptions("broker", "-Xmx512m")));
        broker.createTopics(Map.of(
                CardQueries.TRANSACTIONS, PARTITION_COUNT,
                CardQueries.ENRICHED, PARTITION_COUNT,
                CardQueries.FEATURES, PARTITION_COUNT));
        say("  Kafka answers on " + broker.bootstrap() + ", " + since(startNanos));
        startNanos = System.nanoTime();
        say("starting Spark with two queries: enriched, features");
        String launch = System.getProperty("example.launch", "");
        queries = keep(CardProcess.start(
                broker.bootstrap(),
                folder,
                log("spark"),
                jvmOptions(
                        "spark",
                        "@" + launch + "/jvm-options",
                        "-Xmx2g",
                        "-Dspark.master=local[*]",
                        "-Dspark.ui.enabled=" + options.page())));
        say("  both queries run, " + since(startNanos));
        if (!queries.page().isEmpty()) {
            say("  watch them at " + queries.page());
        }
        meter = keep(new OutputMeter(broker.bootstrap(), PARTITION_COUNT));
        meter.start();
        generator = keep(new TransactionGenerator(broker.bootstrap()));
        say("sending a few transactions");
        startNanos = System.nanoTime();
        generator.start(Math.min(FIRST_RATE, options.rate()));
        awaitFirstRows(startNanos + FIRST_ROWS_NANOS);
        say("  both queries answer, " + since(startNanos));
        say("sending %,d transactions a second".formatted(options.rate()));
        generator.rate(options.rate());
        report = new DemoReport(generator, meter, queries, options.warmUpSeconds());
        if (options.keep()) {
            sayWhereToLook();
        }
        say("the first %d seconds are warm-up and stay out of the last line's percentiles"
                .formatted(options.warmUpSeconds()));
        say("");
    }

    /** Prints a line a second until the time is up or the user ends it. */
    void measure() throws Exception {
        long startNanos = System.nanoTime();
        int second = 0;
        while (options.seconds() == 0 || second < options.seconds()) {
            if (stop.awaitUntil(startNanos + (second + 1) * 1_000_000_000L)) {
                break;
            }
            second++;
            check();
            running(report).printSecond(second);
        }
        if (options.keep() && !stop.isAsked()) {
            say("");
            say(running(report).summary());
            sayWhereToLook();
            keepRunning();
        } else {
            settle();
            running(report).takeRest(second);
        }
        if (!running(report).hasLatency() && !stop.isAsked()) {
            throw new DemoException("No feature row arrived behind the warm-up. See " + logs + ".");
        }
    }

    /** Whether the run was too short for anything but its warm-up, which the last line then tells of. */
    boolean isWarmUpOnly() {
        return !running(report).hasLatency();
    }

    /** The last line of the demo. */
    String summary() {
        return running(report).summary();
    }

    @Override
    public void close() throws Exception {
        @Nullable Exception first = null;
        while (!open.isEmpty()) {
            try {
                open.pop().close();
            } catch (Exception e) {
                first = first == null ? e : first;
            }
        }
        for (String part : List.of("kafka", "checkpoints", "spark")) {
            KafkaBroker.deleteTree(folder.resolve(part));
        }
        if (first != null) {
            throw first;
        }
    }

    /** The first rows pay for class loading and code generation; the measured seconds begin behind them. */
    private void awaitFirstRows(long deadlineNanos) throws Exception {
        while (running(meter).enrichedCount() == 0 || running(meter).featureCount() == 0) {
            if (stop.awaitUntil(System.nanoTime() + SETTLE_STEP_NANOS)) {
                throw new InterruptedException();
            }
            check();
            if (System.nanoTime() > deadlineNanos) {
                throw new DemoException("The queries gave no rows: enriched=%d, features=%d, seconds=%d. See %s."
                        .formatted(
                                running(meter).enrichedCount(),
                                running(meter).featureCount(),
                                FIRST_ROWS_NANOS / 1_000_000_000L,
                                logs));
            }
        }
    }

    private void keepRunning() throws Exception {
        while (!stop.awaitUntil(System.nanoTime() + 1_000_000_000L)) {
            check();
        }
    }

    /** Stops the flow and waits until nothing more arrives. */
    private void settle() throws Exception {
        running(generator).close();
        long deadline = System.nanoTime() + SETTLE_NANOS;
        long before = -1;
        long now = rowsOut();
        while (now != before && System.nanoTime() < deadline) {
            Thread.sleep(SETTLE_STEP_NANOS / 1_000_000);
            before = now;
            now = rowsOut();
        }
    }

    private long rowsOut() {
        return running(meter).enrichedCount() + running(meter).featureCount();
    }

    private void check() throws DemoException {
        String failure = running(queries).failure();
        if (failure != null) {
            throw new DemoException("A query failed: " + failure + " See " + log("spark") + ".");
        }
        if (!running(queries).isAlive()) {
            throw new DemoException("The Spark program ended by itself. See " + log("spark") + ".");
        }
        if (!running(broker).isAlive()) {
            throw new DemoException("The Kafka broker ended by itself. See " + log("broker") + ".");
        }
        check(running(generator).failure(), "send to");
        check(running(meter).failure(), "read from");
    }

    private void check(@Nullable Exception error, String what) throws DemoException {
        if (error != null) {
            throw new DemoException("Cannot %s Kafka: %s See %s.".formatted(what, error.getMessage(), logs));
        }
    }

    private void sayWhereToLook() {
        say("broker %s, topics %s (in), %s, %s (out); Ctrl-C ends it"
                .formatted(
                        running(broker).bootstrap(),
                        CardQueries.TRANSACTIONS,
                        CardQueries.ENRICHED,
                        CardQueries.FEATURES));
    }

    private Path log(String name) {
        return logs.resolve(name + ".log");
    }

    private List<String> jvmOptions(String logName, String... options) {
        List<String> all = new java.util.ArrayList<>(List.of(options));
        all.add("-Dlog4j2.configurationFile=" + Demo.LOG_CONFIGURATION);
        all.add("-Dexample.log=" + log(logName));
        return all;
    }

    private <T extends AutoCloseable> T keep(T part) {
        open.push(part);
        return part;
    }

    private static <T> T running(@Nullable T part) {
        return Objects.requireNonNull(part, "the demo was not started");
    }

    private static String since(long startNanos) {
        return String.format(java.util.Locale.ROOT, "%.1f s", (System.nanoTime() - startNanos) / 1e9);
    }

    private static void say(String line) {
        System.out.println(line);
    }
}
