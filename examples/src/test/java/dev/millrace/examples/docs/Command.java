package dev.millrace.examples.docs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.deploy.SparkSubmitArguments;
import scala.jdk.javaapi.CollectionConverters;

/** A command of a page, as words. */
record Command(List<String> words) {
    private static final Pattern WORD = Pattern.compile("(?:'[^']*'|\"[^\"]*\"|[^\\s'\"])+");
    private static final Pattern MAIN_CLASS = Pattern.compile("dev(\\.millrace[.\\w]*)\\.(?:[A-Z]\\w*|\\$program)");

    /** Programs of others, of which only the files that are ours are looked at. */
    private static final Set<String> OTHERS =
            Set.of("cd", "git", "mvn", "java", "javac", "jar", "nc", "export", "start-connect-server.sh");

    /** What Spark's parser asks for where the master is YARN. */
    private static final Map<String, String> ENVIRONMENT = Map.of("YARN_CONF_DIR", "/");

    /** The commands of a block, one in each line; a line that ends in a backslash goes on, what follows {@code #} is a comment. */
    static List<Command> of(String block) {
        List<Command> commands = new ArrayList<>();
        for (String line : block.replace("\\\n", " ").split("\n", -1)) {
            List<String> words = WORD.matcher(line.replaceFirst("(^|\\s)#.*", ""))
                    .results()
                    .map(word -> word.group().replaceAll("['\"]", ""))
                    .toList();
            if (!words.isEmpty()) {
                commands.add(new Command(words));
            }
        }
        return commands;
    }

    /** What is wrong with it, or nothing. */
    String complaint(Set<String> settings) throws IOException {
        String program = words.get(0);
        String name = program.substring(program.lastIndexOf('/') + 1);
        if (name.equals("spark-submit")) {
            return submits(settings);
        }
        if (program.startsWith("bin/")) {
            return ours(Page.ROOT.resolve(program));
        }
        return OTHERS.contains(name) ? modules() : "unknown program";
    }

    /** Asks Spark's own parser. */
    private String submits(Set<String> settings) {
        List<String> arguments = words.subList(1, words.size());
        for (String word : arguments) {
            String key = word.replaceFirst("=.*", "");
            if (key.startsWith("spark.millrace.") && !settings.contains(key)) {
                return "unknown setting " + key;
            }
        }
        SparkSubmitArguments parsed = new SparkSubmitArguments(
                CollectionConverters.asScala(arguments).toSeq(),
                scala.collection.immutable.Map$.MODULE$.from(CollectionConverters.asScala(ENVIRONMENT)));
        return parsed.primaryResource() == null ? "no jar" : "";
    }

    /** A program in {@code bin/} knows an option if it, or a class beside the one that it starts, names it. */
    private String ours(Path script) throws IOException {
        if (!Files.isExecutable(script)) {
            return "no such program";
        }
        String text = Files.readString(script);
        StringBuilder known = new StringBuilder(text);
        Matcher main = MAIN_CLASS.matcher(text);
        while (main.find()) {
            known.append(sources("dev" + main.group(1)));
        }
        List<String> unknown = words.stream()
                .skip(1)
                .map(word -> word.replaceAll("[\\[\\]]", ""))
                .filter(word -> word.startsWith("--") && known.indexOf(word) < 0)
                .toList();
        boolean isExample = script.endsWith("example") && words.size() > 1;
        if (isExample && known.indexOf("class " + words.get(1) + " ") < 0) {
            return "no such example";
        }
        return unknown.isEmpty() ? "" : "unknown options " + unknown;
    }

    private static String sources(String packageName) throws IOException {
        StringBuilder all = new StringBuilder();
        for (String module : List.of("engine", "spark", "kafka", "examples", "bench")) {
            for (String kind : List.of("main", "test")) {
                Path folder = Page.ROOT
                        .resolve(module)
                        .resolve("src/" + kind + "/java")
                        .resolve(packageName.replace('.', '/'));
                if (Files.isDirectory(folder)) {
                    try (Stream<Path> files = Files.list(folder)) {
                        for (Path file : files.filter(Files::isRegularFile).toList()) {
                            all.append(Files.readString(file));
                        }
                    }
                }
            }
        }
        return all.toString();
    }

    private String modules() {
        int modules = words.indexOf("-pl");
        if (modules < 0) {
            return "";
        }
        return Stream.of(words.get(modules + 1).split(",", -1))
                .filter(module -> !Files.exists(Page.ROOT.resolve(module).resolve("pom.xml")))
                .map(module -> "unknown module " + module)
                .findFirst()
                .orElse("");
    }

    @Override
    public String toString() {
        return String.join(" ", words);
    }
}
