package dev.millrace.spark.differential;

import dev.millrace.spark.RowTexts;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** What a query is to answer, as Spark's batch does, and how another answer differs from it. */
final class Answer {
    private static final int SHOWN_ROWS = 12;

    private final Query query;
    private final List<String> expected;

    Answer(Query query, List<String> batch) {
        this.query = query;
        this.expected = relevant(batch);
    }

    /**
     * Empty where there is none.
     *
     * @param epochs the rows of each epoch
     */
    String difference(List<List<String>> epochs) {
        List<String> rows = relevant(query.mode().equals("complete") ? last(epochs) : all(epochs));
        return rows.equals(expected) ? "" : difference(expected, rows);
    }

    /** Which rows of Spark's answer are missing in another one, and which are too many. */
    static String difference(List<String> expected, List<String> rows) {
        List<String> missing = new ArrayList<>(expected);
        List<String> surplus = new ArrayList<>();
        rows.forEach(row -> {
            if (!missing.remove(row)) {
                surplus.add(row);
            }
        });
        return "Spark has %d rows, Millrace %d.%nMissing: %s%nToo many: %s%n"
                .formatted(expected.size(), rows.size(), shown(missing), shown(surplus));
    }

    private List<String> relevant(List<String> rows) {
        Stream<String> stream = rows.stream();
        if (query.leavesOutClosing()) {
            stream = stream.filter(row -> !row.matches(RandomTables.CLOSING));
        }
        if (query.keyCount() != Query.ALL_ROWS) {
            stream = RowTexts.lastByKey(stream.toList(), query.keyCount()).values().stream();
        }
        return (query.isOrdered() ? stream : stream.sorted()).toList();
    }

    private static List<String> all(List<List<String>> epochs) {
        return epochs.stream().flatMap(List::stream).toList();
    }

    private static List<String> last(List<List<String>> epochs) {
        return epochs.isEmpty() ? List.of() : epochs.get(epochs.size() - 1);
    }

    private static String shown(List<String> rows) {
        String text = String.join("\n    ", rows.subList(0, Math.min(rows.size(), SHOWN_ROWS)));
        return rows.isEmpty() ? "none" : "\n    " + text + (rows.size() > SHOWN_ROWS ? "\n    ..." : "");
    }
}
