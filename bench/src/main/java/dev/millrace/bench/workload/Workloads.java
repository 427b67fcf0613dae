package dev.millrace.bench.workload;

import java.util.List;

/** All questions but those of Nexmark. */
public final class Workloads {
    public static final String STATELESS = "stateless";
    public static final String WINDOW_COUNT = "window-count";
    public static final String DEDUPLICATE = "dedup";
    public static final String DISTINCT = "distinct-1m";
    public static final String STATE_FUNCTION = "state-function";

    /** Rows with an amount at or below this are dropped by {@link #STATELESS}. */
    public static final double MIN_AMOUNT = 10;

    /** What {@link #STATELESS} multiplies amounts by. */
    public static final double FACTOR = 1.1;

    /** Merchants in the static table: m0 and so on, each with one of ten categories. */
    public static final int MERCHANT_COUNT = 97;

    public static final long MINUTE_MICROS = 60_000_000L;
    public static final int WATERMARK_SECONDS = 10;

    private static final int CARD_COUNT = 10_000;
    private static final int MANY = 1_000_000;
    private static final String ANY_SQL_STATELESS = "SELECT card, amount * CAST(1.1 AS DOUBLE) AS amount, "
            + "UPPER(merchant) AS merchant, created FROM transactions WHERE amount > 10";
    private static final String ANY_SQL_WINDOW_COUNT =
            "SELECT card, started, COUNT(*) AS n, SUM(amount) AS total, MAX(created) AS created FROM "
                    + "(SELECT card, created - MOD(created, 60000000) AS started, amount, created FROM transactions) t "
                    + "GROUP BY card, started";
    private static final String ANY_SQL_COUNT =
            "SELECT id, COUNT(*) AS n, SUM(amount) AS total, MAX(amount) AS highest FROM longs GROUP BY id";
    private static final String ANY_SQL_STREAM_JOIN =
            "SELECT a.card, a.payment, a.amount AS asked, s.amount AS settled, "
                    + "s.created FROM (SELECT * FROM transactions WHERE step = 0) a "
                    + "JOIN (SELECT * FROM transactions WHERE step = 1) s ON a.payment = s.payment "
                    + "AND s.event_time BETWEEN a.event_time AND a.event_time + INTERVAL '10' SECOND";

    private static final List<Workload> ALL = List.of(
            append(STATELESS, "parse, filter, project", "transactions", CARD_COUNT)
                    .sql(ANY_SQL_STATELESS, ANY_SQL_STATELESS),
            update(WINDOW_COUNT, "count, sum, max per card and minute", "transactions", CARD_COUNT, "card", "started")
                    .sql(ANY_SQL_WINDOW_COUNT, ANY_SQL_WINDOW_COUNT),
            update("count-1k", "count, sum, max over 1,000 keys", "longs", 1_000, "id")
                    .sql(ANY_SQL_COUNT, ANY_SQL_COUNT),
            update("count-1m", "count, sum, max over 1,000,000 keys", "longs", MANY, "id")
                    .sql(ANY_SQL_COUNT, ANY_SQL_COUNT),
            append(DISTINCT, "the first row of each of 1,000,000 keys", "longs", MANY)
                    .sql("", "SELECT DISTINCT id FROM longs"),
            append(DEDUPLICATE, "the first step of each payment, within a watermark", "transactions", CARD_COUNT)
                    .late(WATERMARK_SECONDS)
                    .sql(
                            "",
                            "SELECT payment, card, created FROM (SELECT payment, card, created, ROW_NUMBER() OVER "
                                    + "(PARTITION BY payment ORDER BY seen) AS place FROM "
                                    + "(SELECT payment, card, created, PROCTIME() AS seen FROM transactions) t) u "
                                    + "WHERE place = 1"),
            append("static-join", "a static table of merchants looked up", "transactions", CARD_COUNT)
                    .sql(
                            "SELECT t.card, t.amount, m.category, t.created FROM transactions t "
                                    + "JOIN merchants m ON t.merchant = m.merchant",
                            "SELECT t.card, t.amount, m.category, t.created FROM "
                                    + "(SELECT *, PROCTIME() AS seen FROM transactions) t JOIN merchants "
                                    + "FOR SYSTEM_TIME AS OF t.seen AS m ON t.merchant = m.merchant"),
            append("stream-join", "each payment's authorisation with its settlement", "transactions", CARD_COUNT)
                    .late(WATERMARK_SECONDS)
                    .sql(ANY_SQL_STREAM_JOIN, ANY_SQL_STREAM_JOIN),
            update(STATE_FUNCTION, "user code: count and highest amount per card", "transactions", CARD_COUNT, "card")
                    .sql("", ""));

    private Workloads() {}

    public static List<Workload> all() {
        return ALL;
    }

    /** One of these or of Nexmark's. Errors: IllegalArgumentException with a message for the user. */
    public static Workload of(String id) {
        for (List<Workload> workloads : List.of(ALL, NexmarkQueries.all())) {
            for (Workload workload : workloads) {
                if (workload.id().equals(id)) {
                    return workload;
                }
            }
        }
        throw new IllegalArgumentException("Cannot measure: unknown work=%s. Choose from %s."
                .formatted(id, ALL.stream().map(Workload::id).toList()));
    }

    /** A workload but for its queries. */
    private record Draft(
            String id, String description, String table, int keyCount, List<String> key, int watermarkSeconds) {
        Draft late(int seconds) {
            return new Draft(id, description, table, keyCount, key, seconds);
        }

        Workload sql(String spark, String flink) {
            return new Workload(id, description, table, keyCount, key, watermarkSeconds, "", spark, flink);
        }
    }

    private static Draft append(String id, String description, String table, int keyCount) {
        return new Draft(id, description, table, keyCount, List.of(), 0);
    }

    private static Draft update(String id, String description, String table, int keyCount, String... key) {
        return new Draft(id, description, table, keyCount, List.of(key), 0);
    }
}
