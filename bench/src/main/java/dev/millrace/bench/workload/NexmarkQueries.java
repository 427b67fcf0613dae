package dev.millrace.bench.workload;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Nexmark's 23 queries, q0 to q22, in the bench's own words: for Spark and for Flink, each as its SQL says it best. Where
 * SQL leaves open which of several rows is meant, both say which. A query that an engine has no words for is given to it
 * as the other one has it, so that its refusal is its own.
 */
public final class NexmarkQueries {
    public static final String TABLE = "events";

    /** The three kinds of event, as views of the one table. */
    public static final Map<String, String> VIEWS = new TreeMap<>(Map.of(
            "person", "SELECT person_id AS id, name, email, city, state, event_time, extra FROM events WHERE kind = 0",
            "auction",
                    "SELECT auction_id AS id, item, description, initial_bid, reserve, event_time, expires, seller, category, "
                            + "extra FROM events WHERE kind = 1",
            "bid", "SELECT auction, bidder, price, channel, url, event_time, extra FROM events WHERE kind = 2"));

    /** How many keys the static table of q13 has. */
    public static final int SIDE_COUNT = 10_000;

    private static final int WATERMARK_SECONDS = 4;
    private static final String CLOSED = "window_end";
    private static final String TUMBLE = "TABLE(TUMBLE(TABLE %s, DESCRIPTOR(event_time), INTERVAL '10' SECOND))";
    private static final String BEST =
            "auction, price, bidder, event_time FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY %s) AS place FROM bid) b";

    private static final List<Workload> ALL = List.of(
            both("q0", "pass through", "SELECT auction, bidder, price, event_time, extra FROM bid"),
            both(
                    "q1",
                    "currency conversion",
                    "SELECT auction, bidder, CAST(0.908 AS DOUBLE) * price AS price, event_time, extra FROM bid"),
            both("q2", "selection", "SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0"),
            both(
                    "q3",
                    "local items: auctions of a category with their sellers",
                    "SELECT p.name, p.city, p.state, a.id FROM auction a JOIN person p ON a.seller = p.id "
                            + "WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')"),
            keyed(
                    "q4",
                    "average selling price by category",
                    "category",
                    "SELECT category, AVG(CAST(final AS DOUBLE)) AS average FROM (SELECT MAX(b.price) AS final, a.category "
                            + "FROM auction a JOIN bid b ON a.id = b.auction AND b.event_time BETWEEN a.event_time "
                            + "AND a.expires GROUP BY a.id, a.category) t GROUP BY category"),
            windowed(
                    "q5",
                    "hot items: the auctions with most bids in ten seconds, every two",
                    "SELECT window_end, item.auction, item.num FROM (SELECT window_end, "
                            + "EXPLODE(FILTER(items, i -> i.num = highest)) AS item FROM (SELECT w.end AS window_end, "
                            + "COLLECT_LIST(NAMED_STRUCT('auction', auction, 'num', num)) AS items, MAX(num) AS highest "
                            + "FROM (SELECT auction, WINDOW(event_time, '10 seconds', '2 seconds') AS w, COUNT(*) AS num "
                            + "FROM bid GROUP BY auction, WINDOW(event_time, '10 seconds', '2 seconds')) c "
                            + "GROUP BY w) m) x",
                    "SELECT c.window_end, c.auction, c.num FROM (SELECT auction, COUNT(*) AS num, window_start, window_end "
                            + "FROM TABLE(HOP(TABLE bid, DESCRIPTOR(event_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) "
                            + "GROUP BY auction, window_start, window_end) c JOIN (SELECT MAX(num) AS highest, window_start, "
                            + "window_end FROM (SELECT auction, COUNT(*) AS num, window_start, window_end FROM TABLE("
                            + "HOP(TABLE bid, DESCRIPTOR(event_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) "
                            + "GROUP BY auction, window_start, window_end) d GROUP BY window_start, window_end) m "
                            + "ON c.window_start = m.window_start AND c.window_end = m.window_end AND c.num >= m.highest"),
            keyed(
                    "q6",
                    "average price of a seller's last ten auctions",
                    "seller",
                    "SELECT seller, AVG(CAST(price AS DOUBLE)) OVER (PARTITION BY seller ORDER BY event_time "
                            + "ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) AS average FROM (SELECT a.seller, b.price, "
                            + "b.event_time, ROW_NUMBER() OVER (PARTITION BY a.id ORDER BY b.price DESC) AS place "
                            + "FROM auction a JOIN bid b ON a.id = b.auction AND b.event_time BETWEEN a.event_time "
                            + "AND a.expires) t WHERE place = 1"),
            windowed(
                    "q7",
                    "the highest bid of each ten seconds",
                    "SELECT w.end AS window_end, best.price, best.auction, best.bidder FROM "
                            + "(SELECT WINDOW(event_time, '10 seconds') AS w, MAX(STRUCT(price, auction, bidder)) AS best "
                            + "FROM bid GROUP BY WINDOW(event_time, '10 seconds')) t",
                    "SELECT window_end, price, auction, bidder FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, "
                            + "window_end ORDER BY price DESC, auction DESC, bidder DESC) AS place FROM "
                            + TUMBLE.formatted("bid") + ") t WHERE place = 1"),
            windowed(
                    "q8",
                    "persons who registered and opened an auction within the same ten seconds",
                    "SELECT p.id, p.name, p.w.end AS window_end FROM (SELECT id, name, WINDOW(event_time, '10 seconds') AS w "
                            + "FROM person GROUP BY id, name, WINDOW(event_time, '10 seconds')) p JOIN "
                            + "(SELECT seller, WINDOW(event_time, '10 seconds') AS w FROM auction "
                            + "GROUP BY seller, WINDOW(event_time, '10 seconds')) a ON p.id = a.seller AND p.w = a.w",
                    "SELECT p.id, p.name, p.window_end FROM (SELECT id, name, window_start, window_end FROM "
                            + TUMBLE.formatted("person") + " GROUP BY id, name, window_start, window_end) p JOIN "
                            + "(SELECT seller, window_start, window_end FROM " + TUMBLE.formatted("auction")
                            + " GROUP BY seller, window_start, window_end) a ON p.id = a.seller "
                            + "AND p.window_start = a.window_start AND p.window_end = a.window_end"),
            keyed(
                    "q9",
                    "winning bids",
                    "id",
                    "SELECT id, price, bidder FROM (SELECT a.id, b.price, b.bidder, ROW_NUMBER() OVER (PARTITION BY a.id "
                            + "ORDER BY b.price DESC, b.bidder DESC) AS place FROM auction a JOIN bid b "
                            + "ON a.id = b.auction AND b.event_time BETWEEN a.event_time AND a.expires) t WHERE place = 1"),
            append(
                    "q10",
                    "a log by day and minute",
                    "SELECT auction, bidder, price, event_time, extra, DATE_FORMAT(event_time, 'yyyy-MM-dd') AS day, "
                            + "DATE_FORMAT(event_time, 'HH:mm') AS minute FROM bid",
                    "SELECT auction, bidder, price, event_time, extra, DATE_FORMAT(event_time, 'yyyy-MM-dd') AS `day`, "
                            + "DATE_FORMAT(event_time, 'HH:mm') AS `minute` FROM bid"),
            windowed(
                    "q11",
                    "bids of each bidder's session",
                    "SELECT bidder, COUNT(*) AS n, SESSION_WINDOW(event_time, '10 seconds').end AS window_end FROM bid "
                            + "GROUP BY bidder, SESSION_WINDOW(event_time, '10 seconds')",
                    "SELECT bidder, COUNT(*) AS n, window_end FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, "
                            + "DESCRIPTOR(event_time), INTERVAL '10' SECOND)) GROUP BY bidder, window_start, window_end"),
            append(
                    "q13",
                    "bids with a row of a static table",
                    "SELECT b.auction, b.bidder, b.price, b.event_time, s.label FROM bid b "
                            + "JOIN side s ON MOD(b.auction, 10000) = s.id",
                    "SELECT b.auction, b.bidder, b.price, b.event_time, s.label FROM (SELECT *, MOD(auction, 10000) AS "
                            + "side_id, PROCTIME() AS seen FROM bid) b JOIN side FOR SYSTEM_TIME AS OF b.seen AS s "
                            + "ON b.side_id = s.id"),
            both(
                    "q14",
                    "a calculation, a time of day and letters counted",
                    "SELECT auction, bidder, CAST(0.908 AS DOUBLE) * price AS price, CASE WHEN HOUR(event_time) >= 8 AND "
                            + "HOUR(event_time) <= 18 THEN 'day' WHEN HOUR(event_time) <= 6 OR HOUR(event_time) >= 20 THEN "
                            + "'night' ELSE 'other' END AS bid_time, event_time, extra, "
                            + "CHAR_LENGTH(extra) - CHAR_LENGTH(REPLACE(extra, 'c', '')) AS letters FROM bid "
                            + "WHERE CAST(0.908 AS DOUBLE) * price > 1000000 AND CAST(0.908 AS DOUBLE) * price < 50000000"),
            keyed("q15", "a day's bidders and auctions, distinct", "day_", daily("day_", "day_", "")),
            keyed(
                    "q16",
                    "a channel's day, distinct",
                    "channel,day_",
                    daily("channel, day_", "channel, day_", ", channel")),
            keyed(
                    "q17",
                    "an auction's day: counts, least, most, average and sum",
                    "auction,day_",
                    "SELECT auction, day_, COUNT(*) AS n, COUNT(*) FILTER (WHERE price < 10000) AS low, "
                            + "COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS middle, "
                            + "COUNT(*) FILTER (WHERE price >= 1000000) AS high, MIN(price) AS least, MAX(price) AS most, "
                            + "AVG(CAST(price AS DOUBLE)) AS average, SUM(price) AS total FROM "
                            + "(SELECT auction, price, DATE_FORMAT(event_time, 'yyyy-MM-dd') AS day_ FROM bid) t "
                            + "GROUP BY auction, day_"),
            new Draft("q18", "when each bidder last bid for an auction", "bidder,auction", "")
                    .sql(
                            "SELECT bidder, auction, MAX(event_time) AS seen FROM bid GROUP BY bidder, auction",
                            "SELECT bidder, auction, event_time AS seen FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY "
                                    + "bidder, auction ORDER BY event_time DESC) AS place FROM bid) t WHERE place = 1"),
            both(
                    "q19",
                    "each auction's ten highest bids",
                    "SELECT place, " + BEST.formatted("auction ORDER BY price DESC, bidder DESC, event_time DESC")
                            + " WHERE place <= 10"),
            both(
                    "q20",
                    "bids with their auction, of one category",
                    "SELECT b.auction, b.bidder, b.price, b.channel, b.event_time, a.item, a.seller, a.reserve "
                            + "FROM bid b JOIN auction a ON b.auction = a.id WHERE a.category = 10"),
            both(
                    "q21",
                    "channels as numbers",
                    "SELECT auction, bidder, price, channel, CASE WHEN LOWER(channel) = 'apple' THEN '0' "
                            + "WHEN LOWER(channel) = 'google' THEN '1' WHEN LOWER(channel) = 'facebook' THEN '2' "
                            + "WHEN LOWER(channel) = 'baidu' THEN '3' ELSE REGEXP_EXTRACT(url, "
                            + "'(&|^)channel_id=([^&]*)', 2) END AS channel_id FROM bid "
                            + "WHERE LOWER(channel) IN ('apple', 'google', 'facebook', 'baidu') "
                            + "OR url LIKE '%channel_id=%'"),
            append(
                    "q22",
                    "folders of a URL",
                    "SELECT auction, bidder, price, channel, SPLIT(url, '/')[3] AS dir1, SPLIT(url, '/')[4] AS dir2, "
                            + "SPLIT(url, '/')[5] AS dir3 FROM bid",
                    "SELECT auction, bidder, price, channel, SPLIT_INDEX(url, '/', 3) AS dir1, "
                            + "SPLIT_INDEX(url, '/', 4) AS dir2, SPLIT_INDEX(url, '/', 5) AS dir3 FROM bid"));

    private NexmarkQueries() {}

    /** All but q12, whose windows are of the engine's own clock: no two answers are alike. */
    public static List<Workload> all() {
        return ALL;
    }

    /** Counts of all, of bidders and of auctions, by price. */
    private static String daily(String columns, String keys, String more) {
        StringBuilder sql = new StringBuilder("SELECT ").append(columns).append(", COUNT(*) AS n");
        for (String counted : List.of("bidder", "auction")) {
            sql.append(", COUNT(DISTINCT %s) AS %ss".formatted(counted, counted));
            sql.append(", COUNT(DISTINCT %s) FILTER (WHERE price < 10000) AS %ss_low".formatted(counted, counted));
        }
        return sql.append(
                        " FROM (SELECT price, bidder, auction%s, DATE_FORMAT(event_time, 'yyyy-MM-dd') AS day_ FROM bid) t "
                                .formatted(more))
                .append("GROUP BY ")
                .append(keys)
                .toString();
    }

    /** A query but for its words; keys with commas between them. */
    private record Draft(String id, String description, String keys, String closedBy) {
        Workload sql(String spark, String flink) {
            List<String> key = keys.isEmpty() ? List.of() : List.of(keys.split(",", -1));
            return new Workload(id, description, TABLE, 0, key, WATERMARK_SECONDS, closedBy, spark, flink);
        }
    }

    private static Workload both(String id, String description, String sql) {
        return append(id, description, sql, sql);
    }

    private static Workload append(String id, String description, String spark, String flink) {
        return new Draft(id, description, "", "").sql(spark, flink);
    }

    private static Workload keyed(String id, String description, String keys, String sql) {
        return new Draft(id, description, keys, "").sql(sql, sql);
    }

    private static Workload windowed(String id, String description, String spark, String flink) {
        return new Draft(id, description, "", CLOSED).sql(spark, flink);
    }
}
