package dev.millrace.bench.workload;

/** A column of a table that the bench generates. */
public record Column(String name, Type type) {
    /** How an engine has it: TIME is an event time, in whole milliseconds. */
    public enum Type {
        INT,
        LONG,
        DOUBLE,
        STRING,
        TIME
    }
}
