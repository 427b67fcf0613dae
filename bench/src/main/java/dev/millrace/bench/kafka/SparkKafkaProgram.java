package dev.millrace.bench.kafka;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.from_json;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;

import dev.millrace.bench.spark.EpochListener;
import dev.millrace.bench.spark.SparkEngine;
import dev.millrace.bench.spark.SparkQueries;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Clients;
import dev.millrace.bench.workload.Workload;
import dev.millrace.bench.workload.Workloads;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** The workloads in Spark's API between two topics, on Millrace or on one of Spark's own engines. */
public final class SparkKafkaProgram {
    private static final StructType TRANSACTION = new StructType()
            .add("card", DataTypes.IntegerType)
            .add("amount", DataTypes.DoubleType)
            .add("merchant", DataTypes.StringType)
            .add("country", DataTypes.StringType)
            .add("created", DataTypes.LongType)
            .add("payment", DataTypes.LongType)
            .add("step", DataTypes.IntegerType);

    private SparkKafkaProgram() {}

    /** Arguments as in {@link KafkaStage#startEngine}. */
    public static void main(String[] words) {
        Arguments arguments = Arguments.parse(words);
        run(arguments, SparkEngine.of(arguments), UnaryOperator.identity(), query -> {});
    }

    /**
     * Runs a workload until the parent ends it, and ends the process.
     *
     * @param alter what happens to the answers before they are written
     * @param beside what goes on beside the query; told once it is started
     */
    public static void run(
            Arguments arguments,
            SparkEngine engine,
            UnaryOperator<Dataset<Row>> alter,
            Consumer<StreamingQuery> beside) {
        try {
            SparkSession spark = engine.session();
            spark.streams().addListener(new EpochListener());
            StreamingQuery query = start(spark, engine, arguments, alter);
            beside.accept(query);
            System.out.println("ready " + engine.settings());
            Thread watcher = new Thread(() -> watch(query), "query end");
            watcher.setDaemon(true);
            watcher.start();
            Clients.awaitParent();
            query.stop();
            spark.stop();
        } catch (Exception e) {
            System.out.println("failed " + SparkEngine.reason(e));
        }
        System.exit(0);
    }

    /** Says it when the query fails. */
    private static void watch(StreamingQuery query) {
        try {
            query.awaitTermination();
        } catch (Exception e) {
            System.out.println("failed " + SparkEngine.reason(e));
        }
    }

    private static StreamingQuery start(
            SparkSession spark, SparkEngine engine, Arguments arguments, UnaryOperator<Dataset<Row>> alter)
            throws Exception {
        Workload workload = Workloads.of(arguments.text("work"));
        String bootstrap = arguments.text("bootstrap");
        Dataset<Row> in = spark.readStream()
                .format("kafka")
                .option("kafka.bootstrap.servers", bootstrap)
                .option("subscribe", arguments.text("input"))
                .option("startingOffsets", "earliest")
                .load()
                .select(from_json(col("value").cast("string"), TRANSACTION).as("transaction"))
                .select("transaction.*")
                .withColumn("event_time", expr("timestamp_micros(created)"));
        Dataset<Row> answers = alter.apply(SparkQueries.of(spark, workload, in));
        Column all = struct(java.util.Arrays.stream(answers.columns())
                .map(org.apache.spark.sql.functions::col)
                .toArray(Column[]::new));
        DataStreamWriter<Row> writer = answers.select(
                        col("card").cast("string").as("key"), to_json(all).as("value"))
                .writeStream()
                .format("kafka")
                .option("kafka.bootstrap.servers", bootstrap)
                .option("topic", arguments.text("output"));
        Clients.outputSettings(Boolean.parseBoolean(arguments.text("drain")))
                .forEach((name, value) -> writer.option("kafka." + name, value));
        return engine.start(writer, workload);
    }
}
