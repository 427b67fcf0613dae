package dev.millrace.bench.latency;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * What is measured.
 *
 * @param rate records per second
 * @param seconds measured, behind the warm-up
 * @param warmUpSeconds whose records do not count
 * @param rounds how often each engine has its turn
 * @param works in order
 * @param engines in order; the first is what the others are compared with
 */
public record LatencyOptions(
        int rate, int seconds, int warmUpSeconds, int rounds, List<Work> works, List<Engine> engines) {
    public static final String USAGE =
            """
              --rate R         records per second (default 1000)
              --seconds N      measured seconds per engine and round (default 20)
              --warm-up N      seconds before that, not counted (default 10)
              --rounds N       how often each engine has its turn (default 3)
              --work S|A       S: parse, filter, project; A: count and sum per key (default both)
              --engines a,b    bare, millrace (default both); the first is compared with
            """;

    /** Errors: IllegalArgumentException with a message for the user. */
    public static LatencyOptions parse(List<String> words) {
        int rate = 1_000;
        int seconds = 20;
        int warmUp = 10;
        int rounds = 3;
        List<Work> works = List.of(Work.values());
        List<Engine> engines = List.of(Engine.values());
        for (int i = 0; i < words.size(); i += 2) {
            String option = words.get(i);
            String value = i + 1 < words.size() ? words.get(i + 1) : "";
            switch (option) {
                case "--rate" -> rate = number(option, value);
                case "--seconds" -> seconds = number(option, value);
                case "--warm-up" -> warmUp = number(option, value);
                case "--rounds" -> rounds = number(option, value);
                case "--work" -> works = List.of(choice(Work.class, option, value));
                case "--engines" ->
                    engines = Arrays.stream(value.split(",", -1))
                            .map(name -> choice(Engine.class, option, name))
                            .toList();
                default -> throw new IllegalArgumentException("Cannot measure: unknown option=%s.".formatted(option));
            }
        }
        return new LatencyOptions(rate, seconds, warmUp, rounds, works, engines);
    }

    private static int number(String option, String value) {
        int number = value.matches("[0-9]{1,9}") ? Integer.parseInt(value) : 0;
        if (number < 1) {
            throw new IllegalArgumentException(
                    "Cannot measure: %s=%s. Give a whole number above 0.".formatted(option, value));
        }
        return number;
    }

    private static <E extends Enum<E>> E choice(Class<E> type, String option, String value) {
        for (E constant : type.getEnumConstants()) {
            if (constant.name().equals(value.toUpperCase(Locale.ROOT))) {
                return constant;
            }
        }
        throw new IllegalArgumentException("Cannot measure: %s=%s. Choose from %s."
                .formatted(
                        option, value, Arrays.toString(type.getEnumConstants()).toLowerCase(Locale.ROOT)));
    }
}
