package dev.millrace.bench.latency;

/** What every engine does with each record. */
enum Work {
    /** Stateless: parse JSON, drop small amounts, change two fields, write JSON. */
    S("parse, filter, project"),

    /** Stateful: count, sum and newest stamp per card and minute, a row out for every row in. */
    A("count, sum, max per card and minute");

    /** Rows with an amount at or below this are dropped by {@link #S}. */
    static final double MIN_AMOUNT = 10;

    /** What {@link #S} multiplies amounts by. */
    static final double FACTOR = 1.1;

    static final long MINUTE_MICROS = 60_000_000L;

    private final String description;

    Work(String description) {
        this.description = description;
    }

    String description() {
        return description;
    }
}
