package dev.millrace.bench.kafka;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.bench.run.CannotRunException;
import dev.millrace.bench.run.Engine;
import dev.millrace.bench.run.Launcher;
import dev.millrace.bench.spark.SparkEngine;
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
    public static final Duration START_TIMEOUT = Duration.ofMinutes(5);
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
    public record Topics(String input, String output) {}

    public String bootstrap() {
        return broker.bootstrap();
    }

    public Topics createTopics(String name) throws IOException, InterruptedException {
        Topics topics = new Topics("in-" + name, "out-" + name);
        broker.createTopics(Map.of(topics.input(), Clients.PARTITION_COUNT, topics.output(), Clients.PARTITION_COUNT));
        return topics;
    }

    /** Makes a topic for output alone. */
    void createTopic(String name) throws IOException, InterruptedException {
        broker.createTopics(Map.of(name, Clients.PARTITION_COUNT));
    }

    /**
     * What an engine is to do.
     *
     * @param drain for a backlog instead of a trickle
     * @param settings what is set for it beyond what always is, by name, as {@code SparkEngine} has them
     */
    public record Job(String work, Topics topics, boolean drain, Map<String, String> settings) {}

    /** Starts an engine's program, which says when it is ready. */
    ChildJvm startEngine(Engine engine, Job job, Path folder) throws IOException, CannotRunException {
        String mainClass =
                switch (engine) {
                    case BARE -> BareLoop.class.getName();
                    case MILLRACE, MILLRACE_CLUSTER, MILLRACE_BOUNDED, SPARK, REAL_TIME_MODE ->
                        SparkKafkaProgram.class.getName();
                    case FLINK, FLINK_MINI_BATCH -> PEERS + "flink.FlinkKafkaProgram";
                    case KAFKA_STREAMS -> PEERS + "streams.StreamsProgram";
                    case ENGINE -> throw new CannotRunException("it has no Kafka connector by itself");
                };
        return startEngine(engine, mainClass, job, folder);
    }

    /** Starts a program of an engine's that does something besides. */
    public ChildJvm startEngine(Engine engine, String mainClass, Job job, Path folder)
            throws IOException, CannotRunException {
        if (engine == Engine.MILLRACE_CLUSTER && !job.settings().containsKey(SparkEngine.MASTER)) {
            throw new CannotRunException("it has no executors here; bin/bench cluster starts some");
        }
        Arguments arguments = new Arguments()
                .with("engine", engine.id())
                .with("work", job.work())
                .with("bootstrap", broker.bootstrap())
                .with("input", job.topics().input())
                .with("output", job.topics().output())
                .with("drain", job.drain())
                .with("folder", folder);
        job.settings().forEach((name, value) -> arguments.with(SparkEngine.SET + name, value));
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
        try (ChildJvm generator = startGenerator(kind, topic, rate, count, folder)) {
            JsonNode sent = Launcher.await(generator, "result", patience);
            return sent.asLong();
        }
    }

    /** Starts to send records, and says at the end how many the broker took. */
    public ChildJvm startGenerator(LoadGenerator.Kind kind, String topic, long rate, long count, Path folder)
            throws IOException, CannotRunException {
        return launcher.start(
                new Launcher.Program(Engine.Runtime.PLAIN, LoadGenerator.class.getName(), "-Xmx256m"),
                folder,
                "generator",
                new Arguments()
                        .with("kind", kind)
                        .with("bootstrap", broker.bootstrap())
                        .with("topic", topic)
                        .with("rate", rate)
                        .with("count", count)
                        .with("cards", CARD_COUNT));
    }

    @Override
    public void close() {
        broker.close();
    }
}
