package dev.millrace.bench.throughput;

import java.util.List;

/**
 * What is measured.
 *
 * @param seconds measured, behind the warm-up
 * @param warmUpSeconds that do not count
 * @param keyCount how many keys the rows have
 */
public record ThroughputOptions(int seconds, int warmUpSeconds, int keyCount) {
    public static final String USAGE =
            """
              --seconds N      measured seconds (default 10)
              --warm-up N      seconds before that, not counted (default 10)
              --keys N         how many keys (default 1000)
            """;

    /** Errors: IllegalArgumentException with a message for the user. */
    public static ThroughputOptions parse(List<String> words) {
        int seconds = 10;
        int warmUp = 10;
        int keys = 1_000;
        for (int i = 0; i < words.size(); i += 2) {
            String value = i + 1 < words.size() ? words.get(i + 1) : "";
            int number = value.matches("[0-9]{1,9}") ? Integer.parseInt(value) : 0;
            if (number < 1) {
                throw new IllegalArgumentException(
                        "Cannot measure: %s=%s. Give a whole number above 0.".formatted(words.get(i), value));
            }
            switch (words.get(i)) {
                case "--seconds" -> seconds = number;
                case "--warm-up" -> warmUp = number;
                case "--keys" -> keys = number;
                default ->
                    throw new IllegalArgumentException("Cannot measure: unknown option=%s.".formatted(words.get(i)));
            }
        }
        return new ThroughputOptions(seconds, warmUp, keys);
    }
}
