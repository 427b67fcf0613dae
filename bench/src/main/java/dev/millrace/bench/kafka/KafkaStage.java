package dev.millrace.bench.kafka;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.bench.run.CannotRunException;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Clients;
import dev.millrace.kafka.broker.BrokerProcess;
import dev.millrace.kafka.broker.ChildJvm;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A broker, and the programs beside it: an engine between two topics, a generator in front and a probe behind.
 *
 * <p>Thread: one owner.
 */
public final class KafkaStage implements AutoCloseable {
    static final Duration START_TIMEOUT = Duration.ofMinutes(5);
    static final int CARD_COUNT = 10_000;

    private static final String HEAP = "-Xms1g -Xmx1g";
    private static final String PEERS = "dev.millrace.bench.peers.";

    private final Launcher launcher;
    private final BrokerProcess broker;

    private KafkaStage(Launcher launcher, BrokerProcess broker) {
        this.launcher = launcher;
        this.broker = broker;
    }

    public static KafkaStage start(Launcher launcher, Path folder) throws IOException, InterruptedException {
        Path log = Launcher.log(folder, "broker");
        List<String> options = List.of("-Dlog4j2.configurationFile=log4j2-file.properties", "-Dbench.log=" + log);
        return new KafkaStage(launcher, BrokerProcess.start(folder.resolve("kafka"), log, options));
    }

    /** What an engine works between. */
    record Topics(String input, String output) {}

    Topics createTopics(String name) throws IOException, InterruptedException {
        Topics topics = new Topics("in-" + name, "out-" + name);
        broker.createTopics(Map.of(topics.input(), Clients.PARTITION_COUNT, topics.output(), Clients.PARTITION_COUNT));
        return topics;
    }

    /** Makes a topic for output alone. */
    void createTopic(String name) throws IOException, InterruptedException {
        broker.createTopics(Map.of(name, Clients.PARTITION_COUNT));
    }

    /** Starts an engine's program, which says when it is ready; {@code drain} is for a backlog instead of a trickle. */
    ChildJvm startEngine(Engine engine, String work, Topics topics, boolean drain, Path folder)
            throws IOException, CannotRunException {
        String mainClass =
                switch (engine) {
                    case BARE -> BareLoop.class.getName();
                    case MILLRACE, MILLRACE_BOUNDED, SPARK, REAL_TIME_MODE -> SparkKafkaProgram.class.getName();
                    case FLINK, FLINK_MINI_BATCH -> PEERS + "flink.FlinkKafkaProgram";
                    case KAFKA_STREAMS -> PEERS + "streams.StreamsProgram";
                    case ENGINE -> throw new CannotRunException("it has no Kafka connector by itself");
                };
        Arguments arguments = new Arguments()
                .with("engine", engine.id())
                .with("work", work)
                .with("bootstrap", broker.bootstrap())
                .with("input", topics.input())
                .with("output", topics.output())
                .with("drain", drain)
                .with("folder", folder);
        return launcher.start(new Launcher.Program(engine.runtime(), mainClass, HEAP), folder, "engine", arguments);
    }

    ChildJvm startProbe(String topic, int warmUpSeconds, Path folder) throws IOException, CannotRunException {
        return launcher.start(
                new Launcher.Program(Engine.Runtime.PLAIN, LatencyProbe.class.getName(), "-Xmx512m"),
                folder,
                "probe",
                new Arguments()
                        .with("bootstrap", broker.bootstrap())
                        .with("topic", topic)
                        .with("warmUpSeconds", warmUpSeconds));
    }

    /** Sends records and says how many the broker took; a backlog is sent at no rate. */
    long generate(LoadGenerator.Kind kind, String topic, long rate, long count, Path folder)
            throws IOException, InterruptedException, CannotRunException {
        Duration patience = START_TIMEOUT.plusSeconds(count / Math.max(1, rate)).plusSeconds(count / 10_000);
        try (ChildJvm generator = launcher.start(
                new Launcher.Program(Engine.Runtime.PLAIN, LoadGenerator.class.getName(), "-Xmx256m"),
                folder,
                "generator",
                new Arguments()
                        .with("kind", kind)
                        .with("bootstrap", broker.bootstrap())
                        .with("topic", topic)
                        .with("rate", rate)
                        .with("count", count)
                        .with("cards", CARD_COUNT))) {
            JsonNode sent = Launcher.await(generator, "result", patience);
            return sent.asLong();
        }
    }

    @Override
    public void close() {
        broker.close();
    }
}
