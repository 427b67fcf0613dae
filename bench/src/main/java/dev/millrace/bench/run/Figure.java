package dev.millrace.bench.run;

/**
 * A number that every turn of a measure gives.
 *
 * @param id its name in results
 * @param title for the report
 * @param unit for the report, of the number as results hold it
 * @param decimals how many a report shows
 * @param compared whether the report sets it in relation to the first engine's
 */
public record Figure(String id, String title, String unit, int decimals, boolean compared) {}
