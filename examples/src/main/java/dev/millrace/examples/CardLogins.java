package dev.millrace.examples;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * What does a payment look like beside the logins of its card's owner in the minute before it? For a fraud model that must
 * say yes or no while the customer waits: it wants to know how long ago the last login was and whether it came from the
 * payment's country.
 *
 * <p>A payment with a login is answered the moment both are there (a row for each login), one without as soon as the
 * watermark says that no login can come any more, some seconds later. Look at {@code abroad}, and at rows whose
 * {@code login} is null.
 *
 * <p>{@code bin/example CardLogins}; with {@code --broker host:port} it reads the topics {@code payments} and
 * {@code logins}.
 */
public final class CardLogins {
    static final String PAYMENTS = "card STRING, payment STRING, amount DOUBLE, country STRING, paid_at TIMESTAMP";
    static final String LOGINS = "card STRING, login STRING, country STRING, login_at TIMESTAMP";

    private CardLogins() {}

    /** Options as {@link ExampleStreams} has them. */
    public static void main(String[] arguments) throws Exception {
        SparkSession spark =
                SparkSession.builder().appName("payments beside logins").getOrCreate();
        ExampleStreams streams = ExampleStreams.of(spark, arguments);
        Dataset<Row> payments = streams.events("payments", PAYMENTS, 5, CardLogins::madeUpPayments);
        Dataset<Row> logins = streams.events("logins", LOGINS, 2, CardLogins::madeUpLogins);
        streams.print(features(payments, logins));
    }

    /** A row for each payment and login before it, or for a payment without any. */
    static Dataset<Row> features(Dataset<Row> payments, Dataset<Row> logins) {
        Dataset<Row> paid = payments.withWatermark("paid_at", "5 seconds");
        Dataset<Row> before = logins.withWatermark("login_at", "5 seconds")
                .withColumnRenamed("card", "login_card")
                .withColumnRenamed("country", "login_country");
        return paid.join(
                        before,
                        expr("card = login_card AND login_at BETWEEN paid_at - INTERVAL 1 MINUTE AND paid_at"),
                        "left_outer")
                .select(
                        col("payment"),
                        col("card"),
                        col("amount"),
                        col("login"),
                        expr("unix_seconds(paid_at) - unix_seconds(login_at)").as("seconds_since"),
                        expr("country <> login_country").as("abroad"));
    }

    /** Payments of a hundred cards; one in ten is made in another country than the card's own. */
    static Dataset<Row> madeUpPayments(Dataset<Row> ticks) {
        return ticks.selectExpr("pmod(hash(value), 100) AS owner", "*")
                .selectExpr(
                        "concat('c', owner) AS card",
                        "concat('p', value) AS payment",
                        "pmod(hash(value, 1), 50000) / 100D AS amount",
                        country("owner + if(pmod(hash(value, 2), 10) = 0, 1, 0)"),
                        "timestamp AS paid_at");
    }

    /** Logins of their owners, at home. */
    static Dataset<Row> madeUpLogins(Dataset<Row> ticks) {
        return ticks.selectExpr("pmod(hash(value, 3), 100) AS owner", "*")
                .selectExpr(
                        "concat('c', owner) AS card",
                        "concat('l', value) AS login",
                        country("owner"),
                        "timestamp AS login_at");
    }

    private static String country(String number) {
        return "element_at(array('DE', 'FR', 'IT', 'PL'), int((%s) % 4) + 1) AS country".replace("%s", number);
    }
}
