package dev.millrace.bench.workload;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a query gave in the end, in a form that is the same for every engine: a bag of lines, of which later ones
 * took earlier ones' places where the workload has a key.
 *
 * <p>Thread: any.
 */
public final class Answer {
    private final List<Integer> keyColumns;
    private final Map<String, Integer> lines = new HashMap<>();
    private final Map<String, String> lineByKey = new HashMap<>();

    /** Takes where the key's columns are in a row; none where every row stays. */
    public Answer(List<Integer> keyColumns) {
        this.keyColumns = List.copyOf(keyColumns);
    }

    /** Adds a row; with a key it takes the place of the last one. */
    public synchronized void add(@Nullable Object... row) {
        String line = line(row);
        if (keyColumns.isEmpty()) {
            lines.merge(line, 1, Integer::sum);
            return;
        }
        String key = keyColumns.stream().map(column -> text(row[column])).collect(Collectors.joining("\t"));
        String before = lineByKey.put(key, line);
        if (before != null) {
            drop(before);
        }
        lines.merge(line, 1, Integer::sum);
    }

    /** Takes back a row that was added, in an engine that says so. */
    public synchronized void remove(@Nullable Object... row) {
        drop(line(row));
    }

    private void drop(String line) {
        // A row may be taken back before it is there; then the two have still to meet.
        lines.merge(line, -1, (before, change) -> before + change == 0 ? null : before + change);
    }

    /** Writes the lines in order, each as often as it is there. */
    public synchronized void write(Path file) throws IOException {
        StringBuilder text = new StringBuilder();
        new TreeMap<>(lines).forEach((line, count) -> {
            for (int i = 0; i < Math.abs(count); i++) {
                text.append(count < 0 ? "taken back: " : "").append(line).append('\n');
            }
        });
        Files.writeString(file, text);
    }

    /** How the second file differs from the first: the first line that only one of them has. */
    public static Optional<String> difference(Path expected, Path actual) throws IOException {
        List<String> wanted = Files.readAllLines(expected);
        List<String> given = Files.readAllLines(actual);
        if (wanted.equals(given)) {
            return Optional.empty();
        }
        String line = "";
        for (int i = 0; i < Math.max(wanted.size(), given.size()); i++) {
            String left = i < wanted.size() ? wanted.get(i) : "nothing";
            String right = i < given.size() ? given.get(i) : "nothing";
            if (!left.equals(right)) {
                line = "expected '%s', given '%s'".formatted(left, right);
                break;
            }
        }
        return Optional.of("rows %d of %d, first difference: %s".formatted(given.size(), wanted.size(), line));
    }

    private static String line(@Nullable Object[] row) {
        return Arrays.stream(row).map(Answer::text).collect(Collectors.joining("\t"));
    }

    /** Sums of doubles depend on their order; what engines agree on is less than all digits. */
    private static String text(@Nullable Object value) {
        if (value instanceof Double number) {
            return String.format(Locale.ROOT, "%.4f", number);
        }
        if (value instanceof java.sql.Timestamp time) {
            return time.toInstant().toString();
        }
        if (value instanceof java.time.LocalDateTime time) {
            return time.toInstant(java.time.ZoneOffset.UTC).toString();
        }
        if (value instanceof java.math.BigDecimal number) {
            return number.stripTrailingZeros().toPlainString();
        }
        return String.valueOf(value);
    }

    /** Where columns of these names are in a row. */
    public static List<Integer> columns(List<String> names, List<String> key) {
        return key.stream().map(names::indexOf).sorted(Comparator.naturalOrder()).toList();
    }
}
