package dev.millrace.spark.differential;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.streaming.StreamingQueryProgress;

/**
 * What the epochs of a query are to have observed between them, as Spark's aggregates say over all rows. A metric is
 * {@code max...} of its epochs' or else their sum, by its name.
 */
final class Metrics {
    static final Metrics NONE = new Metrics(Map.of());

    private final Map<String, Row> expected;

    private Metrics(Map<String, Row> expected) {
        this.expected = expected;
    }

    /** @param tables the sources of given rows as tables */
    Metrics(Case drawn, Function<IntFunction<List<Row>>, List<Dataset<Row>>> tables) {
        this(new TreeMap<>());
        // Rows that come too late are dropped further down.
        List<Dataset<Row>> all =
                tables.apply(source -> drawn.tables().get(source).rows());
        for (Step.Observed observed : drawn.query().top().allObserved()) {
            List<Column> columns = observed.functions().stream()
                    .map(org.apache.spark.sql.functions::expr)
                    .toList();
            Row row = observed.rows()
                    .over(all, true)
                    .agg(columns.get(0), columns.subList(1, columns.size()).toArray(new Column[0]))
                    .head();
            expected.put(observed.name(), row);
        }
    }

    /** How the epochs' metrics differ from these; empty where they do not. */
    String difference(StreamingQueryProgress[] epochs) {
        StringBuilder text = new StringBuilder();
        expected.forEach((name, row) -> {
            TreeMap<String, Long> sums = new TreeMap<>();
            for (StreamingQueryProgress epoch : epochs) {
                Row observed = epoch.observedMetrics().get(name);
                if (observed != null) {
                    combine(sums, observed);
                }
            }
            TreeMap<String, Long> wanted = new TreeMap<>();
            combine(wanted, row);
            if (!sums.equals(wanted)) {
                text.append("Observed as %s: %s by Spark, %s by Millrace.%n".formatted(name, wanted, sums));
            }
        });
        return text.toString();
    }

    private static void combine(Map<String, Long> sums, Row row) {
        for (String name : row.schema().fieldNames()) {
            Long value = row.getAs(name);
            if (value != null) {
                long unused = sums.merge(name, value, name.startsWith("max") ? Math::max : Long::sum);
            }
        }
    }
}
