package dev.millrace.bench.run;

import java.util.Map;

/**
 * One thing to measure on every engine.
 *
 * @param id its name in results, such as {@code stateless-1000}
 * @param title for the report
 * @param parameters what it is made of, by name
 */
public record Case(String id, String title, Map<String, String> parameters) {
    public String parameter(String name) {
        String value = parameters.get(name);
        if (value == null) {
            throw new IllegalArgumentException("Cannot measure: case=%s has no %s.".formatted(id, name));
        }
        return value;
    }

    public int number(String name) {
        return Integer.parseInt(parameter(name));
    }
}
