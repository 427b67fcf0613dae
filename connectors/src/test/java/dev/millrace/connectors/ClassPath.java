package dev.millrace.connectors;

import java.io.File;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What of this JVM's class path and options a process of a test is started with. */
final class ClassPath {
    private static final String OURS = "millrace-";

    private ClassPath() {}

    /** Everything but Millrace and these tests: what a Spark has that somebody installed. */
    static String sparkAlone() {
        return jars(name -> !name.startsWith(OURS)).collect(Collectors.joining(File.pathSeparator));
    }

    /** The finished jar of one of the modules. */
    static String jarOf(String module) {
        return jars(name -> name.startsWith(OURS + module + "-"))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(
                        "Cannot start: there is no jar of %s. Run this test by mvn verify.".formatted(module)));
    }

    private static Stream<String> jars(Predicate<String> wanted) {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> entry.endsWith(".jar")
                        && wanted.test(Path.of(entry).getFileName().toString()));
    }

    /** What Spark needs of a JVM, and how it compiles, as this one has it. */
    static List<String> sparkOptions() {
        return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> option.startsWith("--add-")
                        || option.startsWith("-XX:")
                        || option.startsWith("-Djdk.")
                        || option.startsWith("-Dio.netty."))
                .toList();
    }
}
