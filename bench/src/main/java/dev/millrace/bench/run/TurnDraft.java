package dev.millrace.bench.run;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a measure has found out in a turn so far.
 *
 * <p>Thread: one owner.
 */
public final class TurnDraft {
    private final Map<String, String> settings = new LinkedHashMap<>();
    private final Map<String, Double> figures = new LinkedHashMap<>();
    private final List<Turn.Moment> timeline = new ArrayList<>();
    private final List<Double> marks = new ArrayList<>();
    private @Nullable String histogram;

    public TurnDraft settings(Map<String, String> all) {
        settings.putAll(all);
        return this;
    }

    public TurnDraft figure(String id, double value) {
        figures.put(id, value);
        return this;
    }

    public TurnDraft histogram(String encoded) {
        histogram = encoded;
        return this;
    }

    public TurnDraft moment(double second, double value) {
        timeline.add(new Turn.Moment(second, value));
        return this;
    }

    public TurnDraft mark(double second) {
        marks.add(second);
        return this;
    }

    Turn measured(Case of, Engine engine, int round, String time) {
        return new Turn(of.id(), engine.id(), round, time, null, settings, figures, histogram, timeline, marks);
    }

    Turn refused(Case of, Engine engine, int round, String time, String reason) {
        return new Turn(of.id(), engine.id(), round, time, reason, settings, Map.of(), null, List.of(), List.of());
    }
}
