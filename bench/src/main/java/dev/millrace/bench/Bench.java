package dev.millrace.bench;

import dev.millrace.bench.latency.LatencyOptions;
import dev.millrace.bench.latency.LatencyRun;
import java.util.Arrays;
import java.util.List;

/** Where {@code bin/bench} arrives: the first word chooses the run. */
public final class Bench {
    private static final String USAGE = "Usage: bin/bench latency [options]\n" + LatencyOptions.USAGE;

    private Bench() {}

    public static void main(String[] arguments) throws Exception {
        List<String> words = Arrays.asList(arguments);
        if (words.isEmpty() || words.contains("--help") || !words.get(0).equals("latency")) {
            System.err.print(USAGE);
            System.exit(2);
        }
        try {
            new LatencyRun(LatencyOptions.parse(words.subList(1, words.size()))).run();
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.err.print(USAGE);
            System.exit(2);
        }
    }
}
