package dev.millrace.bench.workload;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a program of the bench is started with: words of the form {@code name=value}. */
public final class Arguments {
    private final Map<String, String> values = new LinkedHashMap<>();

    public Arguments() {}

    public static Arguments parse(String... words) {
        Arguments arguments = new Arguments();
        for (String word : words) {
            int end = word.indexOf('=');
            if (end < 1) {
                throw new IllegalArgumentException("Cannot start: argument=%s. Give name=value.".formatted(word));
            }
            arguments.values.put(word.substring(0, end), word.substring(end + 1));
        }
        return arguments;
    }

    /** Adds or replaces one. */
    public Arguments with(String name, Object value) {
        values.put(name, value.toString());
        return this;
    }

    public String text(String name) {
        String value = values.get(name);
        if (value == null) {
            throw new IllegalArgumentException("Cannot start: %s is missing, given=%s.".formatted(name, values));
        }
        return value;
    }

    public long number(String name) {
        return Long.parseLong(text(name));
    }

    public int whole(String name) {
        return Integer.parseInt(text(name));
    }

    /** Those whose names begin so, by the rest of the name. */
    public Map<String, String> startingWith(String prefix) {
        Map<String, String> found = new LinkedHashMap<>();
        values.forEach((name, value) -> {
            if (name.startsWith(prefix)) {
                found.put(name.substring(prefix.length()), value);
            }
        });
        return found;
    }

    /** As {@link #parse} takes them. */
    public List<String> words() {
        return values.entrySet().stream()
                .map(entry -> entry.getKey() + "=" + entry.getValue())
                .toList();
    }
}
