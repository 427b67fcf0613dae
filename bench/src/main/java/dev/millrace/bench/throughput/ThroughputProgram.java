package dev.millrace.bench.throughput;

import java.nio.file.Path;
import java.util.List;

/** One measurement in a JVM of its own; prints {@code rows <a second>} or {@code failed <why>}. */
public final class ThroughputProgram {
    private ThroughputProgram() {}

    /** Takes {@code engine} or {@code spark}, a folder, and the options of {@link ThroughputOptions}. */
    public static void main(String[] arguments) {
        List<String> words = List.of(arguments);
        int exitCode = 0;
        try {
            ThroughputOptions options = ThroughputOptions.parse(words.subList(2, words.size()));
            double rows = words.get(0).equals("engine")
                    ? EngineThroughput.measure(options)
                    : SparkThroughput.measure(options, Path.of(words.get(1)));
            System.out.println("rows " + rows);
        } catch (Exception e) {
            System.out.println("failed " + e);
            org.slf4j.LoggerFactory.getLogger(ThroughputProgram.class).error("The measurement failed.", e);
            exitCode = 1;
        }
        System.exit(exitCode);
    }
}
