package dev.millrace.bench.chaos;

import static org.awaitility.Awaitility.await;

import dev.millrace.kafka.broker.BrokerProcess;
import dev.millrace.spark.standalone.StandaloneCluster;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.regex.Pattern;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

/**
 * One run: broker, generator and query, each on its own, and the faults that the seed chooses; then everything is
 * drained and compared.
 *
 * <p>Thread: one.
 */
final class ChaosRun implements AutoCloseable {
    private static final Duration COMEBACK = Duration.ofMinutes(3);
    private static final Duration DRAIN = Duration.ofMinutes(5);
    private static final Duration LISTEN = Duration.ofMillis(200);
    private static final int MAX_LOOPS = 3;
    private static final int EXECUTOR_COUNT = 2;
    private static final int CORES_EACH = 2;
    private static final int DETECTION_MILLIS = 2_000;

    /** How often a query that ends by itself is started again without an epoch between. */
    private static final int MAX_STARTS = 10;

    /** What a query may end by itself with: what is outside did not come back in time. */
    private static final Pattern TOLERATED = Pattern.compile(
            "MILLRACE_(SOURCE_FAILED|SINK_FAILED|STATE_STORAGE)|" + Pattern.quote(BreakableFileSystem.BROKEN));

    private final ChaosOptions options;
    private final Path folder;
    private final Path launch;
    private final Path sign;
    private final Random random;
    private final long startNanos = System.nanoTime();
    private final Map<Fault, Integer> faults = new EnumMap<>(Fault.class);
    private @Nullable BrokerProcess broker;
    private @Nullable NumberGenerator generator;
    private @Nullable QueryProcess query;
    private @Nullable StandaloneCluster cluster;

    /** How many loops the query has; on a cluster, how many workers. */
    private int parallelism = EXECUTOR_COUNT;

    private long recoveries;
    private int starts;
    private long epochs;

    /**
     * @param folder for data and logs
     * @param launch holds the JVM options that Spark needs
     */
    ChaosRun(ChaosOptions options, Path folder, Path launch) {
        this.options = options;
        this.folder = folder;
        this.launch = launch;
        this.sign = folder.resolve("storage-is-broken");
        this.random = new Random(options.seed());
    }

    /** Errors: ChaosException when the query does not come back, or ends with what must not be. */
    ChaosResult run() throws IOException, InterruptedException, ChaosException {
        BrokerProcess running = startBroker();
        running.createTopics(Map.of(ChaosQuery.INPUT, 3, ChaosQuery.OUTPUT, 2));
        generator = new NumberGenerator(running.bootstrap(), options.seed(), options.rate());
        if (options.isOnCluster()) {
            cluster = StandaloneCluster.start(folder, EXECUTOR_COUNT, CORES_EACH, Map.of());
        }
        startQuery();
        awaitEpoch();
        say("the query answers; faults begin, seed=%d".formatted(options.seed()));
        inflictFaults();
        long sent = Objects.requireNonNull(generator).finish();
        say("sent %d rows; draining".formatted(sent));
        drain(sent);
        BatchAnswer answer = compare();
        if (answer.rows() != sent) {
            throw new ChaosException(
                    "Cannot judge the output: sent=%d, input holds=%d.".formatted(sent, answer.rows()));
        }
        return new ChaosResult(faults, recoveries + query().recoveries(), epochs, answer);
    }

    private void inflictFaults() throws IOException, InterruptedException, ChaosException {
        List<Fault> first = new ArrayList<>(Fault.once(options.isOnCluster()));
        List<Fault> thereafter = Fault.thereafter(options.isOnCluster());
        Collections.shuffle(first, random);
        long deadline = System.nanoTime() + (long) (options.minutes() * 60e9);
        while (System.nanoTime() < deadline || !first.isEmpty()) {
            // On a cluster long enough for a new executor to be taken in, now and then.
            Thread.sleep(between(300, options.isOnCluster() ? 8_000 : 3_000));
            Fault fault = first.isEmpty() ? thereafter.get(random.nextInt(thereafter.size())) : first.remove(0);
            faults.merge(fault, 1, Integer::sum);
            inflict(fault);
            // Now and then the next fault comes before the query has got over this one.
            if (random.nextInt(5) > 0) {
                awaitEpoch();
            }
        }
        awaitEpoch();
    }

    private void inflict(Fault fault) throws IOException, InterruptedException {
        switch (fault) {
            case KILL_QUERY -> {
                say("killing the query");
                query().kill();
                startQuery();
            }
            case KILL_BROKER -> {
                int millis = between(100, 3_000);
                say("killing the broker for %d ms".formatted(millis));
                Objects.requireNonNull(broker).kill();
                Thread.sleep(millis);
                BrokerProcess unused = startBroker();
            }
            case BREAK_STORAGE -> breakStorage();
            case RESTART -> {
                int most = options.isOnCluster() ? EXECUTOR_COUNT : MAX_LOOPS;
                parallelism = 1 + (parallelism + between(0, most - 2)) % most;
                say("restarting the query with %s=%d".formatted(parallelismSetting(), parallelism));
                query().close();
                startQuery();
            }
            case KILL_EXECUTOR -> {
                long executor = anyExecutor();
                say("killing executor pid=%d".formatted(executor));
                StandaloneCluster.kill(executor);
            }
            case FREEZE_EXECUTOR -> freezeExecutor();
        }
    }

    private void freezeExecutor() throws IOException, InterruptedException {
        long executor = anyExecutor();
        int millis = DETECTION_MILLIS + between(500, 6_000);
        // Then what wakes up belongs to an application that is gone.
        boolean kills = random.nextInt(3) == 0;
        say("freezing executor pid=%d for %d ms%s"
                .formatted(executor, millis, kills ? ", and killing the driver" : ""));
        StandaloneCluster.freeze(executor);
        Thread.sleep(millis);
        if (kills) {
            faults.merge(Fault.KILL_QUERY, 1, Integer::sum);
            query().kill();
            startQuery();
        }
        StandaloneCluster.resume(executor);
    }

    private long anyExecutor() {
        List<Long> executors = await().atMost(COMEBACK)
                .until(() -> Objects.requireNonNull(cluster).executors(), running -> !running.isEmpty());
        return executors.get(random.nextInt(executors.size()));
    }

    private void breakStorage() throws IOException, InterruptedException {
        int millis = between(300, 4_000);
        boolean kills = random.nextInt(3) == 0;
        say("breaking the checkpoint's storage for %d ms%s".formatted(millis, kills ? ", and killing the query" : ""));
        Files.createFile(sign);
        Thread.sleep(millis);
        if (kills) {
            faults.merge(Fault.KILL_QUERY, 1, Integer::sum);
            query().kill();
        }
        Files.delete(sign);
        if (kills) {
            startQuery();
        }
    }

    /** Waits until the query has committed an epoch more; one that ended by itself is started again. */
    private void awaitEpoch() throws IOException, InterruptedException, ChaosException {
        while (query().listen(Duration.ZERO)) {
            // What it committed before the fault does not count.
        }
        long before = Math.max(epochs, query().lastEpoch() + 1);
        epochs = before;
        long deadline = System.nanoTime() + COMEBACK.toNanos();
        long begun = System.nanoTime();
        while (System.nanoTime() < deadline) {
            listen();
            if (epochs > before) {
                starts = 0;
                say("  epoch %d is committed, %.1f s".formatted(epochs - 1, (System.nanoTime() - begun) / 1e9));
                return;
            }
            if (!query().isAlive()) {
                startAgain();
            }
        }
        throw new ChaosException("The query did not come back: seconds=%d, epochs=%d. See %s."
                .formatted(COMEBACK.toSeconds(), epochs, log("query")));
    }

    /** Waits until all that was sent is committed. */
    private void drain(long sent) throws IOException, InterruptedException, ChaosException {
        long deadline = System.nanoTime() + DRAIN.toNanos();
        while (System.nanoTime() < deadline) {
            listen();
            if (query().inputRows() >= sent) {
                query().close();
                return;
            }
            if (!query().isAlive()) {
                startAgain();
            }
        }
        throw new ChaosException("The query did not process all input: seconds=%d, epochs=%d. See %s."
                .formatted(DRAIN.toSeconds(), epochs, log("query")));
    }

    private void listen() throws InterruptedException {
        boolean unused = query().listen(LISTEN);
        epochs = Math.max(epochs, query().lastEpoch() + 1);
    }

    private void startAgain() throws IOException, InterruptedException, ChaosException {
        while (query().listen(Duration.ZERO)) {
            // Its last words may still be on their way.
        }
        String failure = query().failure();
        if (!TOLERATED.matcher(failure).find() || ++starts > MAX_STARTS) {
            throw new ChaosException("The query ended by itself: %s See %s.".formatted(failure, log("query")));
        }
        say("  the query ended by itself and is started again: " + failure);
        startQuery();
    }

    private void startQuery() throws IOException {
        if (query != null) {
            recoveries += query.recoveries();
        }
        List<String> jvmOptions = jvmOptions("query", "@" + launch.resolve("jvm-options"), "-Xmx1g");
        settings().forEach((key, value) -> jvmOptions.add("-D" + key + "=" + value));
        query = QueryProcess.start(
                log("query"),
                jvmOptions,
                List.of(Objects.requireNonNull(broker).bootstrap(), folder.toString(), sign.toString()));
    }

    /** Where the query runs. */
    private Map<String, String> settings() {
        Map<String, String> settings = new HashMap<>();
        settings.put("spark.master", cluster == null ? "local[2]" : cluster.master());
        settings.put(parallelismSetting(), Integer.toString(parallelism));
        if (cluster != null) {
            settings.putAll(cluster.settings());
            settings.put("spark.millrace.detection", DETECTION_MILLIS + "ms");
            // More befalls it than the setting's default takes for bad luck.
            settings.put("spark.millrace.recovery.attempts", "1000");
        }
        return settings;
    }

    private String parallelismSetting() {
        return options.isOnCluster() ? "spark.millrace.workers" : "spark.millrace.loops";
    }

    private BrokerProcess startBroker() throws IOException, InterruptedException {
        BrokerProcess started =
                BrokerProcess.start(folder.resolve("kafka"), log("broker"), jvmOptions("broker", "-Xmx512m"));
        broker = started;
        return started;
    }

    private BatchAnswer compare() {
        SparkSession spark = SparkSession.builder()
                .appName("answer")
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.local.dir", folder.resolve("spark").toString())
                .config("spark.sql.warehouse.dir", folder.resolve("warehouse").toString())
                .config("spark.sql.shuffle.partitions", "4")
                .getOrCreate();
        try {
            return BatchAnswer.compare(spark, Objects.requireNonNull(broker).bootstrap());
        } finally {
            spark.stop();
        }
    }

    private QueryProcess query() {
        return Objects.requireNonNull(query, "not started");
    }

    private int between(int least, int most) {
        return least + random.nextInt(most - least + 1);
    }

    private List<String> jvmOptions(String name, String... options) {
        List<String> all = new ArrayList<>(Arrays.asList(options));
        all.add("-Dlog4j2.configurationFile=log4j2-file.properties");
        all.add("-Dbench.log=" + log(name));
        return all;
    }

    private Path log(String name) {
        return folder.resolve(name + ".log");
    }

    private void say(String line) {
        System.out.printf("%6.1f s  %s%n", (System.nanoTime() - startNanos) / 1e9, line);
    }

    @Override
    public void close() {
        if (query != null) {
            query.kill();
        }
        if (cluster != null) {
            cluster.close();
        }
        if (generator != null) {
            generator.close();
        }
        if (broker != null) {
            broker.close();
        }
    }
}
