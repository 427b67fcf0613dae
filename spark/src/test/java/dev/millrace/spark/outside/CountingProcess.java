package dev.millrace.spark.outside;

import static org.awaitility.Awaitility.await;

import dev.millrace.spark.LocalSpark;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;

/** A {@link CountingQuery} in a process of its own, which prints what becomes of it. */
public final class CountingProcess implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Process process;
    private final List<String> lines = new CopyOnWriteArrayList<>();

    private CountingProcess(Process process) {
        this.process = process;
        Thread reader = new Thread(this::readLines, "output of a counting process");
        reader.setDaemon(true);
        reader.start();
    }

    private void readLines() {
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                lines.add(line);
            }
        } catch (IOException e) {
            lines.add("output lost: " + e); // as when the process is killed
        }
    }

    /** Starts it with this process's options and class path; its log goes to {@code log}. */
    public static CountingProcess start(CountingQuery query, Path log) throws IOException {
        List<String> words = new ArrayList<>();
        words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        words.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> !option.startsWith("-Xmx") && !option.startsWith("-javaagent"))
                .toList());
        words.addAll(List.of("-Xmx512m", "-cp", System.getProperty("java.class.path")));
        words.add(CountingProcess.class.getName());
        words.addAll(List.of(
                Long.toString(query.rows()),
                Long.toString(query.perSecond()),
                query.checkpoint(),
                query.output().toString()));
        return new CountingProcess(new ProcessBuilder(words)
                .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start());
    }

    /** Waits for so many lines that start like this, and gives the last of them. */
    public String awaitLine(String start, int count) {
        await().atMost(PATIENCE).until(() -> startingWith(start).size() >= count);
        return startingWith(start).get(count - 1);
    }

    private List<String> startingWith(String start) {
        return lines.stream().filter(line -> line.startsWith(start)).toList();
    }

    /** Ends it as {@code kill -9} does. */
    public void kill() throws InterruptedException {
        int unused = process.destroyForcibly().waitFor();
    }

    @Override
    public void close() {
        Process unused = process.destroyForcibly();
    }

    /** Runs until its input ends or the query does. */
    public static void main(String[] arguments) throws Exception {
        SparkSession session = LocalSpark.start();
        CountingQuery counting = new CountingQuery(
                Long.parseLong(arguments[0]), Long.parseLong(arguments[1]), arguments[2], Path.of(arguments[3]));
        StreamingQuery query = counting.start(session);
        long printed = -1;
        try {
            while (!query.awaitTermination(20)) {
                long epoch =
                        query.lastProgress() == null ? -1 : query.lastProgress().batchId();
                if (epoch > printed) {
                    printed = epoch;
                    System.out.println("committed " + epoch);
                }
            }
        } catch (StreamingQueryException e) {
            System.out.println("ended " + e.getMessage().replace('\n', ' '));
        }
        Runtime.getRuntime().halt(0);
    }
}
