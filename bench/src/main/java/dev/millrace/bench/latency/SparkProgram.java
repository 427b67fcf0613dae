package dev.millrace.bench.latency;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.from_json;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.to_json;
import static org.apache.spark.sql.functions.upper;

import dev.millrace.kafka.broker.ChildJvm;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** The works in Spark's API, on whatever runtime is on the class path. */
public final class SparkProgram {
    private static final StructType TRANSACTION = new StructType()
            .add("card", DataTypes.IntegerType)
            .add("amount", DataTypes.DoubleType)
            .add("merchant", DataTypes.StringType)
            .add("country", DataTypes.StringType)
            .add("created", DataTypes.LongType);

    private SparkProgram() {}

    /** Arguments as in {@link Engine#arguments}. */
    public static void main(String[] arguments) throws Exception {
        SparkSession spark = SparkSession.builder()
                .appName("latency")
                .master("local[*]")
                .config("spark.ui.enabled", "false")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.local.dir", arguments[4] + "/spark")
                .config("spark.sql.warehouse.dir", arguments[4] + "/warehouse")
                .getOrCreate();
        Dataset<Row> in = spark.readStream()
                .format("kafka")
                .option("kafka.bootstrap.servers", arguments[1])
                .option("subscribe", arguments[2])
                .option("startingOffsets", "earliest")
                .load()
                .select(from_json(col("value").cast("string"), TRANSACTION).as("transaction"))
                .select("transaction.*");
        StreamingQuery query = (Work.valueOf(arguments[0]) == Work.S ? projected(in) : counted(in))
                .writeStream()
                .format("kafka")
                .option("kafka.bootstrap.servers", arguments[1])
                .option("kafka.linger.ms", "0")
                .option("topic", arguments[3])
                .option("checkpointLocation", arguments[4] + "/checkpoint")
                .outputMode("update")
                .trigger(Trigger.RealTime("1 second"))
                .start();
        System.out.println("ready");
        ChildJvm.awaitParent();
        query.stop();
        spark.stop();
    }

    private static Dataset<Row> projected(Dataset<Row> in) {
        return in.filter(col("amount").gt(Work.MIN_AMOUNT))
                .select(
                        col("card").cast("string").as("key"),
                        to_json(struct(
                                        col("card"),
                                        col("amount").multiply(Work.FACTOR).as("amount"),
                                        upper(col("merchant")).as("merchant"),
                                        col("created")))
                                .as("value"));
    }

    private static Dataset<Row> counted(Dataset<Row> in) {
        return in.groupBy(col("card"), expr("created div " + Work.MINUTE_MICROS).as("minute"))
                .agg(
                        count(lit(1)).as("n"),
                        sum("amount").as("total"),
                        max("created").as("created"))
                .select(
                        col("card").cast("string").as("key"),
                        to_json(struct("card", "minute", "n", "total", "created"))
                                .as("value"));
    }
}
