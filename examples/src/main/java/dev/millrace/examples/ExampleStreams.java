package dev.millrace.examples;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.from_json;

import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.DataStreamReader;
import org.apache.spark.sql.streaming.Trigger;
import org.apache.spark.sql.types.StructType;

/**
 * Where an example's events come from and how it runs: events that it makes up, or with {@code --broker host:port} the
 * JSON records of Kafka topics; in real time, or with {@code --batches} in Spark's micro-batches, on which the examples
 * also run where there is no Millrace. Answers go to the console.
 */
final class ExampleStreams {
    private static final String BROKER = "--broker";
    private static final String BATCHES = "--batches";
    private static final String INTERVAL = "5 seconds";

    /** Answers of one epoch that are printed; the console's own limit is twenty. */
    private static final int MAX_ANSWERS = 100;

    private final SparkSession spark;
    private final String broker;
    private final Trigger trigger;

    private ExampleStreams(SparkSession spark, String broker, Trigger trigger) {
        this.spark = spark;
        this.broker = broker;
        this.trigger = trigger;
    }

    /** Reads a program's arguments. Errors: IllegalArgumentException for those that no example has. */
    static ExampleStreams of(SparkSession spark, String... arguments) {
        List<String> words = Arrays.asList(arguments);
        int broker = words.indexOf(BROKER);
        int expected = (broker < 0 ? 0 : 2) + (words.contains(BATCHES) ? 1 : 0);
        if (words.size() != expected || broker == words.size() - 1 && broker >= 0) {
            throw new IllegalArgumentException("Cannot start: arguments=%s. Give [%s host:port] [%s]."
                    .formatted(String.join(" ", words), BROKER, BATCHES));
        }
        return new ExampleStreams(
                spark,
                broker < 0 ? "" : words.get(broker + 1),
                words.contains(BATCHES) ? Trigger.ProcessingTime(INTERVAL) : Trigger.RealTime(INTERVAL));
    }

    /**
     * Events with these columns: a topic's, or made up of ticks, which have a {@code timestamp} and a {@code value}
     * that counts up, so many a second.
     */
    Dataset<Row> events(String topic, String columns, int perSecond, UnaryOperator<Dataset<Row>> madeUp) {
        DataStreamReader reader = spark.readStream();
        if (broker.isEmpty()) {
            return madeUp.apply(
                    reader.format("rate").option("rowsPerSecond", perSecond).load());
        }
        return reader.format("kafka")
                .option("kafka.bootstrap.servers", broker)
                .option("subscribe", topic)
                .option("startingOffsets", "earliest")
                .load()
                .select(from_json(col("value").cast("string"), StructType.fromDDL(columns))
                        .as("event"))
                .select("event.*");
    }

    /** Prints answers as they come, until the program is ended. */
    void print(Dataset<Row> answers) throws Exception {
        answers.writeStream()
                .format("console")
                .option("truncate", false)
                .option("numRows", MAX_ANSWERS)
                .outputMode("append")
                .trigger(trigger)
                .start()
                .awaitTermination();
    }
}
