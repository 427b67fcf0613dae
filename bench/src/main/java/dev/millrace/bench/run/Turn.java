package dev.millrace.bench.run;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One engine's go at one case.
 *
 * @param refused why the engine cannot do it, or what went wrong; null where it was measured
 * @param settings how the engine was set, as its program says
 * @param figures by {@link Figure#id}
 * @param histogram latencies in microseconds, compressed, base64; null where there are none
 * @param timeline what was seen over time; empty where nothing was
 * @param marks when epochs or batches ended, in seconds on the timeline
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record Turn(
        String caseId,
        String engine,
        int round,
        String time,
        @Nullable String refused,
        Map<String, String> settings,
        Map<String, Double> figures,
        @Nullable String histogram,
        List<Moment> timeline,
        List<Double> marks) {
    /** What was seen in the piece of time that begins at {@code second}. */
    public record Moment(double second, double value) {}

    public Turn {
        settings = settings == null ? Map.of() : settings;
        figures = figures == null ? Map.of() : figures;
        timeline = timeline == null ? List.of() : timeline;
        marks = marks == null ? List.of() : marks;
    }

    public boolean wasMeasured() {
        return refused == null;
    }
}
