package dev.millrace.bench.run;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What the user asked for: names with values, and {@code --quick}, which makes everything small. */
public final class Options {
    private static final String QUICK = "--quick";

    private final Map<String, String> values = new TreeMap<>();
    private final boolean quick;

    private Options(Map<String, String> values, boolean quick) {
        this.values.putAll(values);
        this.quick = quick;
    }

    /**
     * Takes the words behind the measure's name.
     *
     * @param known names that the measure has a use for
     */
    public static Options parse(List<String> words, List<String> known) {
        Map<String, String> values = new TreeMap<>();
        boolean quick = false;
        for (int i = 0; i < words.size(); i++) {
            String name = words.get(i);
            if (name.equals(QUICK)) {
                quick = true;
                continue;
            }
            if (!known.contains(name)) {
                throw new IllegalArgumentException("Cannot measure: unknown option=%s. Choose from %s, %s."
                        .formatted(name, String.join(", ", known), QUICK));
            }
            i++;
            values.put(name, i < words.size() ? words.get(i) : "");
        }
        return new Options(values, quick);
    }

    public boolean quick() {
        return quick;
    }

    /** A number above 0; where it is not given, one of the defaults. */
    public int whole(String name, int otherwise, int quickly) {
        String value = values.get(name);
        if (value == null) {
            return quick ? quickly : otherwise;
        }
        int number = value.matches("[0-9]{1,9}") ? Integer.parseInt(value) : 0;
        if (number < 1) {
            throw new IllegalArgumentException(
                    "Cannot measure: %s=%s. Give a whole number above 0.".formatted(name, value));
        }
        return number;
    }

    /** Words with commas between them. */
    public List<String> list(String name, String otherwise) {
        return Arrays.asList(values.getOrDefault(name, otherwise).split(",", -1));
    }

    public List<Engine> engines(Engine... otherwise) {
        if (!values.containsKey("--engines")) {
            return List.of(otherwise);
        }
        return list("--engines", "").stream().map(Engine::of).toList();
    }

    /** For the report. */
    public Map<String, String> given() {
        Map<String, String> all = new TreeMap<>(values);
        if (quick) {
            all.put(QUICK, "");
        }
        return all;
    }
}
