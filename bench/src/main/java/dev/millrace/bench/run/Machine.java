package dev.millrace.bench.run;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the report says about where and with what it was measured. */
final class Machine {
    private static final List<String> ARTIFACTS = List.of(
            "spark-sql_2.13",
            "kafka_2.13",
            "kafka-clients",
            "kafka-streams",
            "flink-table-runtime",
            "flink-connector-kafka",
            "rocksdbjni");

    private Machine() {}

    static Map<String, String> describe(String... classPaths) {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("cores", Integer.toString(Runtime.getRuntime().availableProcessors()));
        facts.put("processor", firstValue("/proc/cpuinfo", "model name"));
        facts.put("memory", firstValue("/proc/meminfo", "MemTotal"));
        facts.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        facts.put("java", Runtime.version().toString() + ", " + System.getProperty("java.vm.name"));
        for (String classPath : classPaths) {
            for (String artifact : ARTIFACTS) {
                String version = version(classPath, artifact);
                facts.merge(
                        artifact,
                        version,
                        (before, more) ->
                                before.contains(more) ? before : more.isEmpty() ? before : before + ", " + more);
            }
        }
        facts.values().removeIf(String::isEmpty);
        return facts;
    }

    private static String version(String classPath, String artifact) {
        Pattern jar = Pattern.compile(Pattern.quote(artifact) + "-([0-9][^/\\\\]*)\\.jar$");
        for (String element : classPath.split(File.pathSeparator, -1)) {
            Matcher matcher = jar.matcher(element);
            if (matcher.find() && !matcher.group(1).endsWith("-test")) {
                return matcher.group(1);
            }
        }
        return "";
    }

    /** Of files as Linux has them; empty on other systems. */
    private static String firstValue(String file, String name) {
        try {
            for (String line : Files.readAllLines(Path.of(file))) {
                if (line.startsWith(name)) {
                    return line.substring(line.indexOf(':') + 1).strip();
                }
            }
            return "";
        } catch (IOException e) {
            return "";
        }
    }
}
