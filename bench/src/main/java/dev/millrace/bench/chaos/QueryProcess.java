package dev.millrace.bench.chaos;

import dev.millrace.kafka.broker.ChildJvm;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@link ChaosQuery} in a JVM of its own, and what it has said so far.
 *
 * <p>Thread: one owner.
 */
final class QueryProcess implements AutoCloseable {
    private final ChildJvm child;
    private long lastEpoch = -1;
    private long recoveries;
    private long inputRows;
    private @Nullable String failure;

    private QueryProcess(ChildJvm child) {
        this.child = child;
    }

    static QueryProcess start(Path log, List<String> jvmOptions, List<String> arguments) throws IOException {
        return new QueryProcess(
                ChildJvm.start(new ChildJvm.Command("query", jvmOptions, ChaosQuery.class.getName(), arguments), log));
    }

    /** Waits for the next line and takes it and all that follow; false when there was none in time. */
    boolean listen(Duration patience) throws InterruptedException {
        String line = child.nextLine(patience);
        if (line == null) {
            return false;
        }
        for (; line != null; line = child.nextLine(Duration.ZERO)) {
            String[] words = line.split("\t", -1);
            switch (words[0]) {
                case "epoch" -> {
                    lastEpoch = Long.parseLong(words[1]);
                    recoveries = Long.parseLong(words[2]);
                    inputRows = Long.parseLong(words[3]);
                }
                case "failed" -> failure = words[1];
                default -> throw new IllegalStateException("The query said: " + line);
            }
        }
        return true;
    }

    /** The last epoch that it told of, or -1. */
    long lastEpoch() {
        return lastEpoch;
    }

    /** How often it had gone on from its checkpoint when it told of its last epoch. */
    long recoveries() {
        return recoveries;
    }

    /** How many rows of the input are answered by the end of its last epoch. */
    long inputRows() {
        return inputRows;
    }

    /** Why it ended, where it said so. */
    String failure() {
        return failure == null ? "it said nothing" : failure;
    }

    boolean isAlive() {
        return child.isAlive();
    }

    void kill() {
        child.kill();
    }

    /** Stops it as a user does. */
    @Override
    public void close() {
        child.close();
    }
}
