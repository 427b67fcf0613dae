package dev.millrace.kafka.broker;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.function.Consumer;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Exit;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.storage.Formatter;
import org.jspecify.annotations.Nullable;

/**
 * One KRaft broker, its own controller, in this JVM; listens on loopback, on a port that was free.
 *
 * <p>Thread: one owner. Lifetime: {@link #close} stops it and deletes its data; one whose process was killed goes on
 * with its data and its ports when it is started in the same folder.
 */
public final class KafkaBroker implements AutoCloseable {
    private static final int NODE_ID = 1;
    private static final String CONTROLLER = "CONTROLLER";
    private static final String LOOPBACK = "127.0.0.1";

    /** In the broker's folder: where its data is and on which ports it listens. */
    private static final String PLACE = "place";

    /** A port that was free may be taken before the broker binds it; then others are tried. */
    private static final int MAX_ATTEMPTS = 5;

    private final Path folder;
    private final String bootstrap;
    private final KafkaRaftServer server;

    private KafkaBroker(Path folder, String bootstrap, KafkaRaftServer server) {
        this.folder = folder;
        this.bootstrap = bootstrap;
        this.server = server;
    }

    /** Starts a broker that keeps its data in {@code folder}, which is made if it does not exist. */
    public static KafkaBroker start(Path folder) throws Exception {
        return start(folder, properties -> {});
    }

    /**
     * The same with properties of its own.
     *
     * @param more changes the broker's properties before each attempt to start it
     */
    static KafkaBroker start(Path folder, Consumer<Properties> more) throws Exception {
        // A broker that cannot go on ends its JVM; as a part of another program it must throw instead.
        Exit.setExitProcedure((status, message) -> {
            throw new IllegalStateException("Kafka broker gave up: status=%d, %s".formatted(status, message));
        });
        Path place = folder.resolve(PLACE);
        if (Files.exists(place)) {
            return run(Place.read(place), folder, more);
        }
        for (int attempt = 1; ; attempt++) {
            try {
                return startOnFreePorts(folder.resolve("attempt-" + attempt), folder, more);
            } catch (Exception e) {
                if (attempt == MAX_ATTEMPTS || !isPortTaken(e)) {
                    deleteTree(folder);
                    throw e;
                }
            }
        }
    }

    /** Host and port for {@code bootstrap.servers}. */
    public String bootstrap() {
        return bootstrap;
    }

    @Override
    public void close() throws IOException {
        server.shutdown();
        server.awaitShutdown();
        deleteTree(folder);
    }

    /** Where a broker's data is, and on which ports it listens. */
    private record Place(String data, int brokerPort, int controllerPort) {
        static Place read(Path file) throws IOException {
            List<String> lines = Files.readAllLines(file);
            return new Place(lines.get(0), Integer.parseInt(lines.get(1)), Integer.parseInt(lines.get(2)));
        }

        void write(Path file) throws IOException {
            Files.write(file, List.of(data, Integer.toString(brokerPort), Integer.toString(controllerPort)));
        }
    }

    private static KafkaBroker startOnFreePorts(Path data, Path folder, Consumer<Properties> more) throws Exception {
        Files.createDirectories(data);
        Place place = new Place(data.toString(), freePort(), freePort());
        new Formatter()
                .setClusterId(Uuid.randomUuid().toString())
                .setNodeId(NODE_ID)
                .setControllerListenerName(CONTROLLER)
                .setMetadataLogDirectory(place.data())
                .setDirectories(List.of(place.data()))
                .setPrintStream(new PrintStream(OutputStream.nullOutputStream()))
                .run();
        KafkaBroker broker = run(place, folder, more);
        place.write(folder.resolve(PLACE));
        return broker;
    }

    private static KafkaBroker run(Place place, Path folder, Consumer<Properties> more) {
        Properties properties = properties(place.data(), place.brokerPort(), place.controllerPort());
        more.accept(properties);
        KafkaConfig config = KafkaConfig.fromProps(properties);
        KafkaRaftServer server = new KafkaRaftServer(config, Time.SYSTEM);
        try {
            server.startup();
        } catch (RuntimeException e) {
            server.shutdown();
            throw e;
        }
        return new KafkaBroker(folder, LOOPBACK + ":" + place.brokerPort(), server);
    }

    private static Properties properties(String log, int brokerPort, int controllerPort) {
        Properties properties = new Properties();
        properties.put("process.roles", "broker,controller");
        properties.put("node.id", Integer.toString(NODE_ID));
        properties.put("controller.quorum.voters", NODE_ID + "@" + LOOPBACK + ":" + controllerPort);
        properties.put("controller.listener.names", CONTROLLER);
        properties.put(
                "listeners",
                "PLAINTEXT://%s:%d,%s://%s:%d".formatted(LOOPBACK, brokerPort, CONTROLLER, LOOPBACK, controllerPort));
        properties.put("log.dirs", log);
        properties.put("auto.create.topics.enable", "false");
        // Tests write records with old timestamps; the broker deleted them by their age while they were read.
        properties.put("log.retention.ms", "-1");
        properties.put("group.initial.rebalance.delay.ms", "0");
        properties.put("offsets.topic.replication.factor", "1");
        properties.put("offsets.topic.num.partitions", "1");
        properties.put("transaction.state.log.replication.factor", "1");
        properties.put("transaction.state.log.min.isr", "1");
        properties.put("transaction.state.log.num.partitions", "1");
        properties.put("transaction.abort.timed.out.transaction.cleanup.interval.ms", "500");
        // The disk is somebody's temporary folder: old records go before it fills up.
        properties.put("log.segment.bytes", Integer.toString(64 * 1024 * 1024));
        properties.put("log.retention.bytes", Long.toString(2L * 1024 * 1024 * 1024));
        properties.put("log.retention.check.interval.ms", "30000");
        return properties;
    }

    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static boolean isPortTaken(@Nullable Throwable error) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof BindException) {
                return true;
            }
        }
        return false;
    }

    /** Deletes a folder and all that is in it; what is already gone does not matter. */
    public static void deleteTree(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (var paths = Files.walk(folder)) {
            for (Path path : paths.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }
}
