package dev.millrace.bench.chaos;

/** What befalls the query. */
enum Fault {
    /** Its process is killed, and started again. */
    KILL_QUERY,
    /** The broker is killed, and started again after a while. */
    KILL_BROKER,
    /** For a while nothing can be written to the checkpoint. */
    BREAK_STORAGE,
    /** It is stopped as a user stops it, and started with another number of loops. */
    RESTART
}
