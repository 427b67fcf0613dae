package dev.millrace.bench.report;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Numbers of several rounds: the one in the middle, and how far they lie apart. */
record Spread(double median, double least, double most) {
    /** Empty for no numbers; of an even count the lower one of the two in the middle. */
    static Optional<Spread> of(List<Double> values) {
        if (values.isEmpty()) {
            return Optional.empty();
        }
        List<Double> sorted = values.stream().sorted().toList();
        return Optional.of(
                new Spread(sorted.get((sorted.size() - 1) / 2), sorted.get(0), sorted.get(sorted.size() - 1)));
    }

    String text(int decimals) {
        String form = "%,." + decimals + "f";
        String middle = String.format(Locale.ROOT, form, median);
        return least == most
                ? middle
                : middle + String.format(Locale.ROOT, " [" + form + "–" + form + "]", least, most);
    }
}
