package dev.millrace.kafka.broker;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;

/**
 * A broker in a JVM of its own, so that its work and its pauses are not those of the program that uses it.
 *
 * <p>Thread: one owner. Lifetime: until {@link #close}, or the end of this JVM, whatever ends it.
 */
public final class BrokerProcess implements AutoCloseable {
    private static final Duration START_TIMEOUT = Duration.ofMinutes(2);

    private final ChildJvm child;
    private final String bootstrap;

    private BrokerProcess(ChildJvm child, String bootstrap) {
        this.child = child;
        this.bootstrap = bootstrap;
    }

    /**
     * Starts a broker and waits until it answers.
     *
     * @param folder for its data, deleted at an orderly end; may hold that of a broker that was killed
     * @param log where its log lines and errors go
     * @param jvmOptions for its JVM
     */
    public static BrokerProcess start(Path folder, Path log, List<String> jvmOptions)
            throws IOException, InterruptedException {
        ChildJvm child = ChildJvm.start(
                new ChildJvm.Command(
                        "Kafka broker", jvmOptions, BrokerMain.class.getName(), List.of(folder.toString())),
                log);
        try {
            String ready = child.awaitLine(line -> line.startsWith(BrokerMain.READY), START_TIMEOUT);
            return new BrokerProcess(child, ready.substring(BrokerMain.READY.length()));
        } catch (IOException | InterruptedException | RuntimeException e) {
            child.kill();
            throw e;
        }
    }

    /** Host and port for {@code bootstrap.servers}. */
    public String bootstrap() {
        return bootstrap;
    }

    public boolean isAlive() {
        return child.isAlive();
    }

    /** Makes topics with one replica each; {@code partitionCounts} by name. */
    public void createTopics(Map<String, Integer> partitionCounts) throws IOException, InterruptedException {
        List<NewTopic> topics = partitionCounts.entrySet().stream()
                .map(topic -> new NewTopic(topic.getKey(), topic.getValue(), (short) 1))
                .toList();
        try (Admin admin = Admin.create(Map.<String, Object>of("bootstrap.servers", bootstrap))) {
            admin.createTopics(topics).all().get();
        } catch (ExecutionException e) {
            throw new IOException("Cannot create topics: topics=%s.".formatted(partitionCounts.keySet()), e.getCause());
        }
    }

    /** Ends the broker as a power cut does; started again in its folder, it goes on with its data and address. */
    public void kill() {
        child.kill();
    }

    @Override
    public void close() {
        child.close();
    }
}
