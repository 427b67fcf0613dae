package dev.millrace.examples.demo;

import java.util.List;

/**
 * What the user asked for.
 *
 * @param seconds how long to measure; 0 means until Ctrl-C
 * @param rate transactions per second
 * @param keep whether everything keeps running behind the measured seconds, until Ctrl-C
 * @param page whether Spark's web UI runs, with the page of the queries
 */
record DemoOptions(int seconds, int rate, boolean keep, boolean page) {
    static final String USAGE =
            """
            Usage: bin/demo [--seconds N] [--rate R] [--keep] [--no-ui]
              --seconds N  measure for N seconds and end (without it: until Ctrl-C)
              --rate R     card transactions per second (default 1000)
              --keep       keep everything running until Ctrl-C, for a consumer of your own
              --no-ui      without Spark's web UI, in which the queries can be watched
            """;

    private static final int DEFAULT_RATE = 1_000;
    private static final int MAX_WARM_UP_SECONDS = 10;

    static DemoOptions parse(List<String> arguments) {
        int seconds = 0;
        int rate = DEFAULT_RATE;
        boolean keep = false;
        boolean page = true;
        for (int i = 0; i < arguments.size(); i++) {
            String argument = arguments.get(i);
            switch (argument) {
                case "--seconds" -> seconds = number(arguments, ++i, argument);
                case "--rate" -> rate = number(arguments, ++i, argument);
                case "--keep" -> keep = true;
                case "--no-ui" -> page = false;
                default ->
                    throw new IllegalArgumentException("Cannot start the demo: unknown option=%s.".formatted(argument));
            }
        }
        return new DemoOptions(seconds, rate, keep, page);
    }

    /** How many seconds at the start are left out of the percentiles: a quarter of the run, at most ten. */
    int warmUpSeconds() {
        return seconds == 0 ? MAX_WARM_UP_SECONDS : Math.min(MAX_WARM_UP_SECONDS, seconds / 4);
    }

    private static int number(List<String> arguments, int index, String option) {
        String text = index < arguments.size() ? arguments.get(index) : "nothing";
        int number = text.matches("[0-9]{1,9}") ? Integer.parseInt(text) : 0;
        if (number < 1) {
            throw new IllegalArgumentException(
                    "Cannot start the demo: %s=%s. Give a whole number above 0.".formatted(option, text));
        }
        return number;
    }
}
