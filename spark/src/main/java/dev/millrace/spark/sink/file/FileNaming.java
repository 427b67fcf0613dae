package dev.millrace.spark.sink.file;

import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.internal.io.FileNameSpec;

/**
 * Names of output files. Beside the task they say which attempt of the query wrote them and for which
 * epoch; so what a process left behind when it died is known by its name.
 *
 * <p>Layout: {@code part-<task>-<attempt>-<epoch>-<number><suffix>}, the suffix as Spark has it.
 */
final class FileNaming {
    private static final Pattern NAME = Pattern.compile("part-\\d{5,}-([0-9a-f-]{36})-(\\d+)-\\d+\\D.*");

    private FileNaming() {}

    static String name(int taskIndex, String attempt, long epoch, int number, FileNameSpec spec) {
        return "%spart-%05d-%s-%d-%d%s".formatted(spec.prefix(), taskIndex, attempt, epoch, number, spec.suffix());
    }

    /** Whether a file is one that these attempts wrote in an epoch behind the one given. */
    static boolean isBehind(String name, Set<String> attempts, long lastEpoch) {
        Matcher matcher = NAME.matcher(name);
        return matcher.matches() && attempts.contains(matcher.group(1)) && Long.parseLong(matcher.group(2)) > lastEpoch;
    }
}
