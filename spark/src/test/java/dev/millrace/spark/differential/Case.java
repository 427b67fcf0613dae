package dev.millrace.spark.differential;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.Row;

/**
 * A query, its rows, and what happens while it runs.
 *
 * @param seed what it was drawn from; a smaller case of the same seed is another one
 * @param phases how far each partition of each source has been released by the end of each phase
 * @param between what happens before each phase but the first
 */
record Case(
        long seed,
        Query query,
        List<EventTable> tables,
        Map<String, String> settings,
        List<List<int[]>> phases,
        List<Event> between) {
    /** What happens between two phases. */
    enum Event {
        NOTHING,
        /** All rows so far are committed. */
        COMMIT,
        /** All rows so far are committed and, where there is a watermark, it has passed the first rows. */
        WATERMARK,
        /** All rows but the closing ones are committed; some partitions never had any. */
        CLOSING,
        /** The query is stopped, and started from its checkpoint. */
        RESTART,
        /** Soon after, a read fails. */
        FAILED_READ,
        /** Soon after, code of the user fails. */
        FAILED_TASK,
        /** Soon after, a write fails. */
        FAILED_WRITE,
        /** Soon after, a commit fails. */
        FAILED_COMMIT
    }

    /** @param goesByClock whether the query may go by the time of day, which no two runs have in common */
    static Case draw(long seed, boolean goesByClock) {
        Draw draw = new Draw(seed);
        RandomTables random = new RandomTables(draw);
        boolean isIdle = draw.onceIn(6);
        Query query = RandomQuery.draw(draw, random.columns(), isIdle, goesByClock);
        boolean hasIdle = isIdle && query.hasWatermark();
        boolean hasLateRows = query.hasWatermark() && !hasIdle && draw.onceIn(3);
        List<EventTable> tables = new ArrayList<>();
        int rows = draw.oneOf(4, 30, 80);
        for (int i = 0; i < query.sourceCount(); i++) {
            tables.add(random.table(new RandomTables.Shape(i, draw.between(1, 3), rows, hasLateRows, hasIdle)));
        }
        List<List<int[]>> phases = new ArrayList<>();
        List<Event> between = new ArrayList<>();
        if (hasLateRows) {
            // Before the first rows, with which no late one comes, their watermark must be everywhere.
            phases.add(released(tables, 1, 3));
            between.add(Event.WATERMARK);
        }
        List<int[]> all = tables.stream().map(EventTable::counts).toList();
        List<int[]> rest = hasIdle ? all.stream().map(Case::withoutClosing).toList() : all;
        for (int more = draw.below(4); more > 0; more--) {
            phases.add(later(draw, rest, phases));
        }
        phases.add(rest);
        while (between.size() < phases.size() - 1) {
            between.add(event(draw));
        }
        if (hasIdle) {
            // Whose partition is taken for idle too early loses no row: before closing rows come, all others are
            // through.
            between.add(Event.CLOSING);
            phases.add(all);
        }
        return new Case(seed, query, tables, settings(draw, hasIdle), phases, between);
    }

    private static Event event(Draw draw) {
        return draw.oneOf(
                Event.NOTHING,
                Event.COMMIT,
                Event.RESTART,
                Event.FAILED_READ,
                Event.FAILED_TASK,
                Event.FAILED_WRITE,
                Event.FAILED_COMMIT);
    }

    private static List<int[]> released(List<EventTable> tables, int part, int of) {
        List<int[]> released = new ArrayList<>();
        for (EventTable table : tables) {
            int[] counts = table.counts();
            for (int i = 0; i < counts.length; i++) {
                counts[i] = 1 + Math.max(0, counts[i] - 2) * part / of;
            }
            released.add(counts);
        }
        return released;
    }

    private static int[] withoutClosing(int[] counts) {
        return Arrays.stream(counts).map(count -> Math.max(0, count - 1)).toArray();
    }

    private static List<int[]> later(Draw draw, List<int[]> all, List<List<int[]>> before) {
        List<int[]> released = new ArrayList<>();
        for (int t = 0; t < all.size(); t++) {
            int[] counts = all.get(t).clone();
            for (int i = 0; i < counts.length; i++) {
                int least = before.isEmpty() ? 0 : before.get(before.size() - 1).get(t)[i];
                counts[i] = least + draw.below(counts[i] - least + 1);
            }
            released.add(counts);
        }
        return released;
    }

    private static Map<String, String> settings(Draw draw, boolean hasIdle) {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("spark.sql.shuffle.partitions", draw.oneOf("2", "3"));
        settings.put("spark.millrace.update.everyChange", draw.oneOf("true", "false"));
        settings.put("spark.millrace.watermark.idleAfter", hasIdle ? "150ms" : "1h");
        // With 0 each failure ends the query, and the next one begins at its checkpoint as after a crash.
        settings.put("spark.millrace.recovery.attempts", draw.oneOf("0", "10"));
        settings.put("spark.millrace.recovery.backoff", "10ms");
        settings.put("spark.sql.codegen.wholeStage", draw.onceIn(8) ? "false" : "true");
        settings.put("spark.sql.adaptive.enabled", "false");
        return settings;
    }

    /** The rows that the answer is made of. */
    List<Row> expectedRows(int source) {
        EventTable table = tables.get(source);
        return table.rows().stream()
                .filter(row -> !query.dropsLateRows() || !table.isLate(row))
                .toList();
    }

    boolean hasLateRows() {
        return tables.stream().anyMatch(table -> table.rows().stream().anyMatch(table::isLate));
    }

    /** Whether nothing ends the query before its end. */
    boolean isUndisturbed() {
        return Set.of(Event.NOTHING, Event.COMMIT, Event.WATERMARK, Event.CLOSING)
                .containsAll(between);
    }

    Case with(Query newQuery) {
        return new Case(seed, newQuery, tables, settings, phases, between);
    }

    int rowCount() {
        return tables.stream().mapToInt(table -> table.rows().size()).sum();
    }

    /** The case without some rows of a partition, neither its first one nor its last. */
    Case without(int source, int partition, int from, int to) {
        List<EventTable> fewer = new ArrayList<>(tables);
        List<List<Row>> partitions = new ArrayList<>(tables.get(source).partitions());
        List<Row> rows = new ArrayList<>(partitions.get(partition));
        rows.subList(from, to).clear();
        partitions.set(partition, rows);
        fewer.set(source, new EventTable(tables.get(source).schema(), partitions));
        List<List<int[]>> cut = new ArrayList<>();
        for (List<int[]> phase : phases) {
            List<int[]> counts = new ArrayList<>(phase);
            int[] changed = phase.get(source).clone();
            int count = changed[partition];
            changed[partition] = count - (Math.min(count, to) - Math.min(count, from));
            counts.set(source, changed);
            cut.add(counts);
        }
        return new Case(seed, query, fewer, settings, cut, between);
    }

    /** The case without one of its phases but the last, and what happens behind it. */
    Case withoutPhase(int index) {
        List<List<int[]>> fewer = new ArrayList<>(phases);
        List<Event> events = new ArrayList<>(between);
        fewer.remove(index);
        events.remove(index);
        return new Case(seed, query, tables, settings, fewer, events);
    }
}
