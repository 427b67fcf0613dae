package dev.millrace.bench.workload;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
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
    /** Before a stream's end an engine may or may not have closed what lies within this of it. */
    private static final long OPEN_MILLIS = 6_000;

    private final List<Integer> keyColumns;
    private final int closedBy;
    private final long lastMillis;
    private final Map<String, Integer> lines = new HashMap<>();
    private final Map<String, String> lineByKey = new HashMap<>();

    /** Takes where the key's columns are in a row; none where every row stays. */
    public Answer(List<Integer> keyColumns) {
        this(keyColumns, -1, Long.MAX_VALUE);
    }

    private Answer(List<Integer> keyColumns, int closedBy, long lastMillis) {
        this.keyColumns = List.copyOf(keyColumns);
        this.closedBy = closedBy;
        this.lastMillis = lastMillis;
    }

    /**
     * Of a workload over {@code rows} rows whose answer has these columns. Rows that are given once a watermark passes
     * are left out where they lie too near the end.
     */
    public static Answer of(Workload workload, List<String> columns, long rows) {
        return new Answer(
                workload.key().stream().map(columns::indexOf).toList(),
                columns.indexOf(workload.closedBy()),
                workload.rows().millis(rows) - OPEN_MILLIS);
    }

    /** Of the same in an engine that takes rows back itself. */
    public static Answer withoutKey(Workload workload, List<String> columns, long rows) {
        Answer answer = of(workload, columns, rows);
        return new Answer(List.of(), answer.closedBy, answer.lastMillis);
    }

    /** Adds a row; with a key it takes the place of the last one. */
    public synchronized void add(@Nullable Object... row) {
        if (closedBy >= 0 && millis(row[closedBy]) > lastMillis) {
            return;
        }
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
        if (closedBy >= 0 && millis(row[closedBy]) > lastMillis) {
            return;
        }
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

    private static long millis(@Nullable Object time) {
        if (time instanceof java.sql.Timestamp timestamp) {
            return timestamp.getTime();
        }
        if (time instanceof java.time.LocalDateTime local) {
            return local.toInstant(java.time.ZoneOffset.UTC).toEpochMilli();
        }
        throw new IllegalArgumentException("Cannot compare answers: %s is no time.".formatted(time));
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
}
