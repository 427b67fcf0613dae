package dev.millrace.bench.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.kafka.broker.ChildJvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Starts the programs of a run, each in a JVM of its own, and reads what they say: {@code ready {settings}},
 * {@code result {json}} or {@code failed why}.
 *
 * <p>Thread: any.
 *
 * @param launch the folder with {@code jvm-options}, which Spark needs
 * @param peers the class path of Flink and Kafka Streams; empty where they were not built
 * @param cores that each program may use
 */
public record Launcher(Path launch, String peers, int cores) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** As {@code bin/bench} says by its system properties. */
    public static Launcher of(int cores) {
        return new Launcher(
                Path.of(System.getProperty("bench.launch", "target/launch")),
                System.getProperty("bench.peers", ""),
                cores);
    }

    /** Machine and versions, for the report. */
    Map<String, String> describe() {
        return Machine.describe(System.getProperty("java.class.path"), peers);
    }

    /** What a program is started with, but for its arguments. */
    public record Program(Engine.Runtime runtime, String mainClass, String heap) {}

    /** Starts a program; its logs are in {@code folder} under {@code name}. */
    public ChildJvm start(Program program, Path folder, String name, Arguments arguments)
            throws IOException, CannotRunException {
        boolean peer = program.runtime() == Engine.Runtime.PEERS;
        if (peer && peers.isEmpty()) {
            throw new CannotRunException("its class path is not there; start with bin/bench");
        }
        Files.createDirectories(folder);
        Path log = log(folder, name);
        List<String> options = new ArrayList<>(List.of(
                "-Dlog4j2.configurationFile=log4j2-file.properties", "-Dbench.log=" + log, "-Duser.timezone=UTC"));
        if (program.runtime() != Engine.Runtime.PLAIN) {
            options.add("@" + launch.resolve("jvm-options"));
        }
        options.add("-XX:ActiveProcessorCount=" + cores);
        options.addAll(List.of(program.heap().split(" ", -1)));
        return ChildJvm.start(
                new ChildJvm.Command(
                        name,
                        options,
                        peer ? peers : System.getProperty("java.class.path"),
                        program.mainClass(),
                        arguments.with("cores", cores).words(),
                        wrapper()),
                log);
    }

    /** Where fewer cores are wanted than there are, the system is to see to it: a JVM has other threads too. */
    private List<String> wrapper() {
        if (cores >= Runtime.getRuntime().availableProcessors()) {
            return List.of();
        }
        return List.of("taskset", "-c", "0-" + (cores - 1));
    }

    public static Path log(Path folder, String name) {
        return folder.resolve(name + ".log");
    }

    /** Waits until the program says {@code word}, and takes the JSON behind it. */
    public static JsonNode await(ChildJvm child, String word, Duration patience)
            throws IOException, InterruptedException, CannotRunException {
        String line;
        try {
            line = child.awaitLine(text -> text.startsWith(word + " ") || text.startsWith("failed "), patience);
        } catch (IOException e) {
            throw new CannotRunException(String.valueOf(e.getMessage()));
        }
        if (line.startsWith("failed ")) {
            throw new CannotRunException(line.substring("failed ".length()));
        }
        return MAPPER.readTree(line.substring(word.length() + 1));
    }

    /** What the program has said since, if it failed. */
    public static Optional<String> failure(ChildJvm child) throws InterruptedException {
        for (String line = child.nextLine(Duration.ZERO); line != null; line = child.nextLine(Duration.ZERO)) {
            if (line.startsWith("failed ")) {
                return Optional.of(line.substring("failed ".length()));
            }
        }
        return child.isAlive() ? Optional.empty() : Optional.of("it ended by itself");
    }

    /** An object of texts. */
    public static Map<String, String> texts(JsonNode node) {
        Map<String, String> all = new LinkedHashMap<>();
        node.properties()
                .forEach(entry -> all.put(entry.getKey(), entry.getValue().asText()));
        return all;
    }
}
