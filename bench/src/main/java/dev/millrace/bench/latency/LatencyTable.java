package dev.millrace.bench.latency;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/** What the run prints at its end: for each work and engine the percentiles, and how they compare. */
final class LatencyTable {
    private static final double[] PERCENTILES = {50, 99, 99.9};

    private LatencyTable() {}

    static String of(LatencyOptions options, List<LatencyResult> results) {
        StringBuilder text = new StringBuilder();
        Engine base = options.engines().get(0);
        for (Work work : options.works()) {
            text.append(
                    "%nwork %s (%s), %,d records/s, %d rounds: ms, all rounds together; ratio to %s: median [least–most]%n"
                            .formatted(work, work.description(), options.rate(), options.rounds(), base.id()));
            text.append("%-10s %9s %9s %9s   %-18s %-18s %-18s %9s %9s%n"
                    .formatted("engine", "p50", "p99", "p99.9", "p50 ×", "p99 ×", "p99.9 ×", "in", "out"));
            for (Engine engine : options.engines()) {
                text.append(line(select(results, work, engine), select(results, work, base), engine));
            }
        }
        return text.toString();
    }

    private static String line(List<LatencyResult> own, List<LatencyResult> base, Engine engine) {
        Histogram all = new Histogram(3);
        own.forEach(result -> all.add(result.latency()));
        StringBuilder text = new StringBuilder("%-10s".formatted(engine.id()));
        for (double percentile : PERCENTILES) {
            text.append(String.format(Locale.ROOT, " %9.2f", all.getValueAtPercentile(percentile) / 1_000.0));
        }
        text.append("  ");
        for (double percentile : PERCENTILES) {
            text.append(" %-18s".formatted(ratios(own, base, percentile)));
        }
        long in = own.stream().mapToLong(LatencyResult::rowsIn).sum();
        long out = own.stream().mapToLong(LatencyResult::rowsOut).sum();
        return text.append(" %9d %9d%n".formatted(in, out)).toString();
    }

    /** The ratio within each round, so that what slowed a whole round down does not count. */
    private static String ratios(List<LatencyResult> own, List<LatencyResult> base, double percentile) {
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < Math.min(own.size(), base.size()); i++) {
            double divisor = base.get(i).latency().getValueAtPercentile(percentile);
            if (divisor > 0) {
                ratios.add(own.get(i).latency().getValueAtPercentile(percentile) / divisor);
            }
        }
        if (ratios.isEmpty()) {
            return "-";
        }
        ratios.sort(null);
        return String.format(
                Locale.ROOT,
                "%.2f [%.2f–%.2f]",
                ratios.get(ratios.size() / 2),
                ratios.get(0),
                ratios.get(ratios.size() - 1));
    }

    private static List<LatencyResult> select(List<LatencyResult> results, Work work, Engine engine) {
        return results.stream()
                .filter(result -> result.work() == work && result.engine() == engine)
                .toList();
    }
}
