package dev.millrace.bench.chaos;

import java.util.List;

/**
 * What is run.
 *
 * @param minutes for how long faults come, at least until each kind has come once
 * @param seed decides which fault comes when
 * @param rate rows per second
 * @param isOnCluster whether the query runs on executors of a standalone master
 */
record ChaosOptions(double minutes, long seed, int rate, boolean isOnCluster) {
    private static final String CLUSTER = "--cluster";

    static final String USAGE =
            """
            Usage: bin/chaos --minutes N [--seed S] [--rate R] [--cluster]
              --minutes N      for how long faults come (may be a fraction)
              --seed S         decides which fault comes when (default: a random one, which is printed)
              --rate R         rows per second (default 500)
              --cluster        the query on two executors, which are killed and frozen too
            """;

    /** Errors: IllegalArgumentException with a message for the user. */
    static ChaosOptions parse(List<String> all, long randomSeed) {
        boolean isOnCluster = all.contains(CLUSTER);
        List<String> words = all.stream().filter(word -> !word.equals(CLUSTER)).toList();
        double minutes = 0;
        long seed = randomSeed;
        int rate = 500;
        for (int i = 0; i < words.size(); i += 2) {
            String option = words.get(i);
            String value = i + 1 < words.size() ? words.get(i + 1) : "";
            try {
                switch (option) {
                    case "--minutes" -> minutes = Double.parseDouble(value);
                    case "--seed" -> seed = Long.parseLong(value);
                    case "--rate" -> rate = Integer.parseInt(value);
                    default -> throw new IllegalArgumentException("Cannot run: unknown option=%s.".formatted(option));
                }
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException("Cannot run: %s=%s. Give a number.".formatted(option, value), e);
            }
        }
        if (!(minutes > 0) || rate < 1) {
            throw new IllegalArgumentException(
                    "Cannot run: minutes=%s, rate=%d. Both must be above 0.".formatted(minutes, rate));
        }
        return new ChaosOptions(minutes, seed, rate, isOnCluster);
    }
}
