package dev.millrace.spark.version;

import java.util.Objects;

/**
 * Which Millrace this is. Run as the bundle's main class it says so: {@code java -jar millrace-spark-….jar}. Needs
 * nothing of Spark.
 *
 * <p>Thread: any.
 */
public final class Version {
    private static final String UNPACKED = "unpacked";

    private Version() {}

    /** As the jar's manifest has it; {@code unpacked} for classes that are in no jar of a build. */
    public static String text() {
        return Objects.requireNonNullElse(Version.class.getPackage().getImplementationVersion(), UNPACKED);
    }

    /** Prints it. */
    public static void main(String[] arguments) {
        System.out.println("Millrace " + text());
    }
}
