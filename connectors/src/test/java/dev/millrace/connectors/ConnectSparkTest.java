package dev.millrace.connectors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.millrace.kafka.broker.ChildJvm;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Real-time queries of a Spark Connect client: a server that was started as its script does, with the bundle by
 * {@code --jars}, and a program in another process that has the client's jars alone. The program runs once; the tests are
 * about what it saw.
 */
final class ConnectSparkTest {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Pattern STARTED = Pattern.compile("Spark Connect server started at: .*:(\\d+)");

    @TempDir
    private static Path folder;

    private static Path serverLog;
    private static ChildJvm server;
    private static final Map<String, String> facts = new LinkedHashMap<>();
    private static final List<String> otherLines = new ArrayList<>();

    @BeforeAll
    static void runProgram() throws Exception {
        serverLog = folder.resolve("server.log");
        server = ChildJvm.start(server(), serverLog);
        Matcher started =
                await().atMost(PATIENCE).until(() -> STARTED.matcher(Files.readString(serverLog)), Matcher::find);
        try (ChildJvm client = ChildJvm.start(client(started.group(1)), folder.resolve("client.log"))) {
            listen(client);
        }
    }

    @AfterAll
    static void stopServer() {
        server.kill();
    }

    /** As {@code start-connect-server.sh --jars …} has Spark do it. */
    private static ChildJvm.Command server() {
        List<String> options = new ArrayList<>(ClassPath.sparkOptions());
        options.add("-Xmx768m");
        return new ChildJvm.Command(
                "Connect server",
                options,
                ClassPath.sparkAlone(),
                "org.apache.spark.deploy.SparkSubmit",
                List.of(
                        "--master",
                        "local[2]",
                        "--jars",
                        ClassPath.jarOf("spark-4.2_2.13"),
                        "--conf",
                        "spark.connect.grpc.binding.address=127.0.0.1",
                        "--conf",
                        "spark.connect.grpc.binding.port=0",
                        "--conf",
                        "spark.ui.port=0",
                        "--conf",
                        "spark.sql.warehouse.dir=" + folder.resolve("warehouse"),
                        "--class",
                        "org.apache.spark.sql.connect.service.SparkConnectServer",
                        "spark-internal"),
                List.of());
    }

    private static ChildJvm.Command client(String port) throws Exception {
        String jar = ClassPath.jarOf("connect");
        String clientJars = Files.readString(Path.of(System.getProperty("connect.class.path", "")));
        assertThat(Arrays.stream(clientJars.split(File.pathSeparator))
                        .map(entry -> Path.of(entry).getFileName().toString()))
                .anyMatch(name -> name.startsWith("spark-connect-client-jvm"))
                .noneMatch(name -> name.startsWith("millrace") || name.startsWith("spark-sql"));
        List<String> options = new ArrayList<>(ClassPath.sparkOptions());
        options.add("-Xmx256m");
        return new ChildJvm.Command(
                "Connect client",
                options,
                jar + File.pathSeparator + clientJars,
                "dev.millrace.connect.ConnectProgram",
                List.of("sc://127.0.0.1:" + port, jar, folder.toString()),
                List.of());
    }

    /** Takes what the program tells until it is done. */
    private static void listen(ChildJvm client) throws Exception {
        String line = client.awaitLine(text -> true, PATIENCE);
        while (!line.equals("done")) {
            String[] words = line.split("\t", 3);
            if (words.length == 3) {
                facts.put(words[0] + " " + words[1], words[2]);
            } else {
                otherLines.add(line);
            }
            line = client.awaitLine(text -> true, PATIENCE);
        }
    }

    @Test
    void answersWithinAnEpochAndTellsTheClientHowItGoes() throws Exception {
        assertThat(facts)
                .containsEntry("realTime heard of before start returned", "true")
                .containsEntry("realTime epoch of the progress", "0")
                .containsEntry("realTime name of the progress", "realTime")
                .containsEntry("realTime state operators", "1")
                .containsEntry("realTime latest progress", "0")
                .containsEntry("realTime active", "true")
                .containsEntry("realTime ended by itself", "false")
                .containsEntry("realTime among the session's", "1")
                .containsEntry("realTime found by its id", "realTime");
        assertThat(facts.get("realTime line")).matches("group\\d\t\\d+");
        assertThat(facts.get("realTime source")).contains("Rate");
        assertThat(otherLines).contains("== Dataflow ==", "== Running ==");
        assertThat(Files.readString(serverLog)).contains("Query realTime runs on Millrace");
    }

    @Test
    void stopsWhenTheClientSaysSo() {
        assertThat(facts)
                .containsEntry("realTime ended", "true")
                .containsEntry("realTime active behind its end", "false")
                .containsEntry("realTime error heard", "none");
    }

    @Test
    void runsTheClientsFunctionsOnTheServer() {
        assertThat(facts.get("batches rows")).isEqualTo(facts.get("batches different rows"));
        Map<String, List<Long>> sums = new HashMap<>();
        for (String line : facts.get("keyedState lines").split(",")) {
            String[] keyAndSum = line.split("=");
            sums.computeIfAbsent(keyAndSum[0], key -> new ArrayList<>()).add(Long.parseLong(keyAndSum[1]));
        }
        // Which numbers come first is open; that they are added up is not.
        assertThat(sums).containsOnlyKeys("0", "1", "2");
        assertThat(sums.values()).allSatisfy(ofKey -> assertThat(ofKey).isSorted());
    }

    @Test
    void tellsTheClientWhyAQueryEnded() {
        assertThat(facts)
                .containsEntry("failingFunction thrown", "org.apache.spark.sql.streaming.StreamingQueryException")
                .containsEntry("failingFunction condition 0", "STREAM_FAILED")
                .containsEntry("failingFunction condition 1", "MILLRACE_USER_CODE")
                .containsEntry("failingFunction exception of the query", "STREAM_FAILED")
                .containsEntry("failingFunction error heard", "true")
                .containsEntry("failingFunction class heard", "MILLRACE_USER_CODE");
        assertThat(facts.get("failingFunction message 1"))
                .contains("[MILLRACE_USER_CODE] Cannot go on")
                .contains("no threes, please");
    }

    @Test
    void refusesAQueryWithItsClass() {
        assertThat(facts)
                .containsEntry("refusal thrown", "org.apache.spark.SparkException")
                .containsEntry("refusal condition 0", "MILLRACE_UNSUPPORTED_TRIGGER");
        assertThat(facts.get("refusal message 0")).contains("[MILLRACE_UNSUPPORTED_TRIGGER] Cannot start the query");
    }

    @Test
    void endsQueriesWithTheirSession() {
        assertThat(facts).containsEntry("session seen by the other session", "0");
        await().atMost(PATIENCE)
                .untilAsserted(() -> assertThat(Files.readString(serverLog)).contains("Query session was stopped."));
    }
}
