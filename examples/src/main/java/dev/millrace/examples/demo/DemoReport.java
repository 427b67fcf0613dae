package dev.millrace.examples.demo;

import java.util.Locale;
import org.HdrHistogram.Histogram;

/**
 * What the demo prints while it runs, and its last line.
 *
 * <p>Thread: one owner.
 */
final class DemoReport {
    private static final int LINES_PER_HEADER = 20;

    private final TransactionGenerator generator;
    private final OutputMeter meter;
    private final CardProcess queries;
    private final int warmUpSeconds;
    private final Histogram total = new Histogram(3);
    private final Histogram warmUp = new Histogram(3);
    private long lastSent;
    private long lastEnriched;
    private long lastFeatures;

    DemoReport(TransactionGenerator generator, OutputMeter meter, CardProcess queries, int warmUpSeconds) {
        this.generator = generator;
        this.meter = meter;
        this.queries = queries;
        this.warmUpSeconds = warmUpSeconds;
        // What came before the first second, start-up included, is in the totals alone.
        lastSent = generator.sentCount();
        lastEnriched = meter.enrichedCount();
        lastFeatures = meter.featureCount();
        meter.featureLatency().reset();
        meter.enrichedLatency().reset();
    }

    /** One line for the second that has passed. */
    void printSecond(int second) {
        if (second % LINES_PER_HEADER == 1) {
            System.out.println("        rows a second                  creation to arrival, ms");
            System.out.println(
                    "second  in      enriched  features    features p50  p99    max     enriched p50  p99     epochs  watermark");
        }
        long sent = generator.sentCount();
        long enriched = meter.enrichedCount();
        long features = meter.featureCount();
        Histogram featureLatency = takeFeatureLatency(second);
        Histogram enrichedLatency = meter.enrichedLatency().getIntervalHistogram();
        System.out.println(String.format(
                Locale.ROOT,
                "%6d  %-6d  %-8d  %-8d    %12s  %-6s %-7s %12s  %-7s %-7d %s%s",
                second,
                sent - lastSent,
                enriched - lastEnriched,
                features - lastFeatures,
                millis(featureLatency, 50),
                millis(featureLatency, 99),
                millis(featureLatency, 100),
                millis(enrichedLatency, 50),
                millis(enrichedLatency, 99),
                queries.epochCount(),
                timeOfDay(queries.watermark()),
                second <= warmUpSeconds ? "  (warm-up)" : ""));
        lastSent = sent;
        lastEnriched = enriched;
        lastFeatures = features;
    }

    /** Whether a feature row was measured behind the warm-up. */
    boolean hasLatency() {
        return total.getTotalCount() > 0;
    }

    /** Takes in what arrived since the last second's line. */
    void takeRest(int second) {
        takeFeatureLatency(second);
    }

    /**
     * The last line: feature rows' latency behind the warm-up (of the warm-up, if there is nothing else),
     * all rows in, all rows of both topics out.
     */
    String summary() {
        Histogram latency = hasLatency() ? total : warmUp;
        return String.format(
                Locale.ROOT,
                "latency_ms p50=%s p99=%s max=%s rows_in=%d rows_out=%d epochs=%d",
                millis(latency, 50),
                millis(latency, 99),
                millis(latency, 100),
                generator.sentCount(),
                meter.enrichedCount() + meter.featureCount(),
                queries.epochCount());
    }

    private Histogram takeFeatureLatency(int second) {
        Histogram interval = meter.featureLatency().getIntervalHistogram();
        (second > warmUpSeconds ? total : warmUp).add(interval);
        return interval;
    }

    /** Of a timestamp such as 2026-01-31T12:34:56.789Z; a dash while there is no watermark. */
    private static String timeOfDay(String timestamp) {
        return timestamp.length() < 19 || timestamp.startsWith("1970") ? "-" : timestamp.substring(11, 19);
    }

    private static String millis(Histogram micros, double percentile) {
        return micros.getTotalCount() == 0
                ? "-"
                : String.format(Locale.ROOT, "%.2f", micros.getValueAtPercentile(percentile) / 1_000.0);
    }
}
