package dev.millrace.bench.epochs;

import java.util.List;

/**
 * What is measured.
 *
 * @param rate updates per second
 * @param keyCount keys in the state
 * @param seconds measured, behind the warm-up
 * @param warmUpSeconds that do not count
 * @param rounds how often each length of an epoch has its turn
 */
public record EpochsOptions(int rate, int keyCount, int seconds, int warmUpSeconds, int rounds) {
    public static final String USAGE =
            """
              --rate R         updates per second (default 10000)
              --keys N         keys in the state (default 1000000)
              --seconds N      measured seconds per turn (default 20)
              --warm-up N      seconds before that, not counted (default 10)
              --rounds N       how often each length of an epoch has its turn (default 3)
            """;

    /** Errors: IllegalArgumentException with a message for the user. */
    public static EpochsOptions parse(List<String> words) {
        int rate = 10_000;
        int keys = 1_000_000;
        int seconds = 20;
        int warmUp = 10;
        int rounds = 3;
        for (int i = 0; i < words.size(); i += 2) {
            String value = i + 1 < words.size() ? words.get(i + 1) : "";
            int number = value.matches("[0-9]{1,9}") ? Integer.parseInt(value) : 0;
            if (number < 1) {
                throw new IllegalArgumentException(
                        "Cannot measure: %s=%s. Give a whole number above 0.".formatted(words.get(i), value));
            }
            switch (words.get(i)) {
                case "--rate" -> rate = number;
                case "--keys" -> keys = number;
                case "--seconds" -> seconds = number;
                case "--warm-up" -> warmUp = number;
                case "--rounds" -> rounds = number;
                default ->
                    throw new IllegalArgumentException("Cannot measure: unknown option=%s.".formatted(words.get(i)));
            }
        }
        return new EpochsOptions(rate, keys, seconds, warmUp, rounds);
    }

    /** The options as words, for the program of a turn. */
    List<String> words() {
        return List.of(
                "--rate", Integer.toString(rate),
                "--keys", Integer.toString(keyCount),
                "--seconds", Integer.toString(seconds),
                "--warm-up", Integer.toString(warmUpSeconds),
                "--rounds", Integer.toString(rounds));
    }
}
