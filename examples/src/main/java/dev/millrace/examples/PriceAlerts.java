package dev.millrace.examples;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.min;
import static org.apache.spark.sql.functions.session_window;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Which travellers should hear that the trip they looked for got cheaper? For a travel site that wants to tell them
 * while they still think about it, and once, not for every fare.
 *
 * <p>Searches are joined with the fares that are offered on their route in the twenty seconds behind them and cost less
 * than what the traveller saw. Fares often come in bursts, so a session window makes one alert of those that follow
 * each other within three seconds. Look at {@code fares}, of how many an alert was made, and at {@code session_start}:
 * an alert comes once the watermark has passed the end of its session by as much as a search may be older than a fare.
 *
 * <p>{@code bin/example PriceAlerts}; with {@code --broker host:port} it reads the topics {@code searches} and
 * {@code fares}.
 */
public final class PriceAlerts {
    static final String SEARCHES = "traveller STRING, route STRING, seen INT, searched_at TIMESTAMP";
    static final String FARES = "route STRING, fare INT, offered_at TIMESTAMP";

    private PriceAlerts() {}

    /** Options as {@link ExampleStreams} has them. */
    public static void main(String[] arguments) throws Exception {
        SparkSession spark =
                SparkSession.builder().appName("travel price alerts").getOrCreate();
        ExampleStreams streams = ExampleStreams.of(spark, arguments);
        Dataset<Row> searches = streams.events("searches", SEARCHES, 2, PriceAlerts::madeUpSearches);
        Dataset<Row> fares = streams.events("fares", FARES, 4, PriceAlerts::madeUpFares);
        streams.print(alerts(searches, fares));
    }

    /** One row for each traveller, route and burst of cheaper fares. */
    static Dataset<Row> alerts(Dataset<Row> searches, Dataset<Row> fares) {
        Dataset<Row> wished = searches.withWatermark("searched_at", "2 seconds").withColumnRenamed("route", "wished");
        Dataset<Row> cheaper = fares.withWatermark("offered_at", "2 seconds")
                .join(
                        wished,
                        expr(
                                """
                        route = wished AND fare < seen
                        AND offered_at BETWEEN searched_at AND searched_at + INTERVAL 20 SECONDS"""))
                .select("traveller", "route", "seen", "fare", "offered_at");
        return cheaper.groupBy(col("traveller"), col("route"), session_window(col("offered_at"), "3 seconds"))
                .agg(
                        count(lit(1)).as("fares"),
                        min("fare").as("cheapest"),
                        max(col("seen").minus(col("fare"))).as("saving"))
                .select(
                        col("traveller"),
                        col("route"),
                        col("session_window.start").as("session_start"),
                        col("fares"),
                        col("cheapest"),
                        col("saving"));
    }

    /** Two hundred travellers look for five routes. */
    static Dataset<Row> madeUpSearches(Dataset<Row> ticks) {
        return ticks.selectExpr(
                "concat('t', pmod(hash(value), 200)) AS traveller",
                "concat('r', pmod(hash(value, 1), 5)) AS route",
                "200 + pmod(hash(value, 2), 100) AS seen",
                "timestamp AS searched_at");
    }

    /** Fares of these routes; eight in a row are for the same one. */
    static Dataset<Row> madeUpFares(Dataset<Row> ticks) {
        return ticks.selectExpr(
                "concat('r', pmod(hash(value div 8, 3), 5)) AS route",
                "190 + pmod(hash(value, 4), 200) AS fare",
                "timestamp AS offered_at");
    }
}
