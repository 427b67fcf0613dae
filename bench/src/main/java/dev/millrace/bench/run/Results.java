package dev.millrace.bench.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * All that a run found out; in a file it is a line of JSON that describes the run, then one for each turn.
 *
 * @param turns in the order in which they were
 */
public record Results(Description description, List<Turn> turns) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /**
     * What was to be measured, where and how.
     *
     * @param engines ids; the first is what the others are compared with
     * @param titles of engines, by id
     */
    public record Description(
            String measure,
            String title,
            String time,
            Map<String, String> machine,
            Map<String, String> options,
            List<String> engines,
            Map<String, String> titles,
            List<Figure> figures,
            List<Case> cases) {}

    public static Results read(Path file) throws IOException {
        List<String> lines = Files.readAllLines(file);
        if (lines.isEmpty()) {
            throw new IOException("Cannot report: %s is empty.".formatted(file));
        }
        Description description =
                MAPPER.treeToValue(MAPPER.readTree(lines.get(0)).get("run"), Description.class);
        List<Turn> turns = new ArrayList<>();
        for (String line : lines.subList(1, lines.size())) {
            JsonNode turn = MAPPER.readTree(line).get("turn");
            turns.add(MAPPER.treeToValue(turn, Turn.class));
        }
        return new Results(description, turns);
    }

    /** A line for the description or a turn. */
    static void append(Path file, String name, Object value) throws IOException {
        String line;
        try {
            line = MAPPER.writeValueAsString(Map.of(name, value));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("Cannot write as JSON: " + value, e);
        }
        Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    /** An engine's turns at a case, by round. */
    public List<Turn> turns(String caseId, String engine) {
        return turns.stream()
                .filter(turn -> turn.caseId().equals(caseId) && turn.engine().equals(engine))
                .toList();
    }
}
