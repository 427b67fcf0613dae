package dev.millrace.bench.latency;

import java.util.List;

/** What is measured: a program that does a {@link Work} between two topics until its input ends. */
enum Engine {
    /** A loop written by hand: what the others are measured against. */
    BARE(BareLoop.class, false, "one thread, linger.ms=0"),

    /** Millrace under Spark's API. */
    MILLRACE(SparkProgram.class, true, "local[*], Trigger.RealTime(1 second), Kafka linger.ms=0, else defaults");

    private final Class<?> program;
    private final boolean spark;
    private final String settings;

    Engine(Class<?> program, boolean spark, String settings) {
        this.program = program;
        this.spark = spark;
        this.settings = settings;
    }

    /** A class whose main method takes the arguments of {@link #arguments} and prints {@code ready}. */
    String mainClass() {
        return program.getName();
    }

    /** Whether its JVM needs the options that Spark needs. */
    boolean needsSparkOptions() {
        return spark;
    }

    /** For the report. */
    String settings() {
        return settings;
    }

    String id() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }

    static List<String> arguments(Work work, String bootstrap, String input, String output, String folder) {
        return List.of(work.name(), bootstrap, input, output, folder);
    }
}
