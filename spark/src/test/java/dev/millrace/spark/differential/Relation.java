package dev.millrace.spark.differential;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A query in the making: its steps so far, and what further ones need to know of its rows. Thread: one. */
final class Relation {
    Step step;
    Map<String, Kind> columns;

    /** Holds for rows that every filter lets pass; empty where no filter can tell any more. */
    String passing = "n < 0";

    /** The column by which further operators tell the time: {@code ts}, {@code w} for a window, or empty. */
    String time = "";

    boolean hasWatermark;

    /** Whether only the ten seconds are certain in which an event time lies. */
    boolean isCoarse;

    boolean isStateful;

    /** Whether the first operator with state drops rows behind the watermark, on all ways from a source. */
    boolean dropsLateRows;

    Relation(Step step, Map<String, Kind> columns) {
        this.step = step;
        this.columns = new LinkedHashMap<>(columns);
    }

    /** An operator with state stands here. Only the first one meets late rows. */
    void stateful(boolean dropsLate) {
        dropsLateRows = isStateful ? dropsLateRows : dropsLate;
        isStateful = true;
    }

    void select(List<String> expressions, Map<String, Kind> selected) {
        step = step.select(expressions);
        columns = new LinkedHashMap<>(selected);
    }

    /** Drops all columns but these. */
    void keep(List<String> names) {
        Map<String, Kind> kept = new LinkedHashMap<>();
        names.forEach(name -> kept.put(name, columns.get(name)));
        if (!kept.keySet().equals(columns.keySet())) {
            select(names, kept);
        }
        if (!kept.containsKey("n")) {
            passing = kept.containsKey("k") ? "k > 7000000" : "";
        }
    }

    /** Columns that a random expression may use. */
    Map<String, Kind> plain() {
        Map<String, Kind> plain = new LinkedHashMap<>(columns);
        if (isCoarse) {
            plain.remove(time);
        }
        return plain;
    }

    boolean has(String... names) {
        return columns.keySet().containsAll(List.of(names));
    }

    List<String> names() {
        return new ArrayList<>(columns.keySet());
    }
}
