package dev.millrace.examples.demo;

import dev.millrace.kafka.broker.ChildJvm;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * {@link CardApplication} in a JVM of its own, and what its listener has told so far.
 *
 * <p>Thread: any.
 */
final class CardProcess implements AutoCloseable {
    private static final Duration START_TIMEOUT = Duration.ofMinutes(2);
    private static final String PAGE = "page\t";

    private final ChildJvm child;
    private final Map<String, Long> lastEpochs = new HashMap<>();
    private final String page;
    private long epochCount;
    private String watermark = "-";
    private @Nullable String failure;

    private CardProcess(ChildJvm child, String page) {
        this.child = child;
        this.page = page;
    }

    /** Starts the program and waits until both queries run. */
    static CardProcess start(String bootstrap, Path folder, Path log, List<String> jvmOptions)
            throws IOException, InterruptedException, DemoException {
        List<String> arguments = List.of(
                bootstrap,
                folder.resolve("checkpoints").toString(),
                folder.resolve("spark").toString());
        ChildJvm child = ChildJvm.start(
                new ChildJvm.Command("Spark program", jvmOptions, CardApplication.class.getName(), arguments), log);
        String page = "";
        try {
            String line = awaitStart(child);
            if (line.startsWith(PAGE)) {
                page = line.substring(PAGE.length());
                line = awaitStart(child);
            }
            if (!line.equals("ready")) {
                throw new DemoException(
                        "The Spark program failed: " + line.substring(line.indexOf('\t') + 1) + " See " + log + ".");
            }
        } catch (IOException | InterruptedException | DemoException e) {
            child.kill();
            throw e;
        }
        CardProcess process = new CardProcess(child, page);
        Thread reader = new Thread(process::readLines, "progress");
        reader.setDaemon(true);
        reader.start();
        return process;
    }

    private static String awaitStart(ChildJvm child) throws IOException, InterruptedException {
        return child.awaitLine(
                text -> text.equals("ready") || text.startsWith(PAGE) || text.startsWith("failed\t"), START_TIMEOUT);
    }

    /** Where the queries can be watched; empty where they cannot. */
    String page() {
        return page;
    }

    boolean isAlive() {
        return child.isAlive();
    }

    /** Epochs that the two queries have committed, together. */
    synchronized long epochCount() {
        return epochCount;
    }

    /** The watermark of the feature query as its last epoch told it, or a dash. */
    synchronized String watermark() {
        return watermark;
    }

    /** Why a query failed, if one did. */
    synchronized @Nullable String failure() {
        return failure;
    }

    @Override
    public void close() {
        child.close();
    }

    private void readLines() {
        try {
            boolean alive = true;
            while (alive) {
                alive = child.isAlive();
                String line = child.nextLine(Duration.ofSeconds(1));
                while (line != null) {
                    take(line.split("\t", -1));
                    line = child.nextLine(Duration.ZERO);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void take(String[] words) {
        if (words[0].equals("failed") && failure == null) {
            failure = words[1];
        }
        if (words[0].equals("epoch")) {
            long epoch = Long.parseLong(words[2]);
            // One epoch may be reported several times.
            if (lastEpochs.getOrDefault(words[1], -1L) < epoch) {
                lastEpochs.put(words[1], epoch);
                epochCount++;
            }
            if (words[1].equals(CardQueries.FEATURES)) {
                watermark = words[3];
            }
        }
    }
}
