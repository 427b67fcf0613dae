package dev.millrace.bench.spark;

import dev.millrace.bench.workload.NexmarkQueries;
import dev.millrace.bench.workload.Workload;
import dev.millrace.bench.workload.Workloads;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.TimeMode;
import scala.Tuple3;

/** The workloads' questions in Spark's SQL, or in its API where SQL has no words for them. */
public final class SparkQueries {
    private SparkQueries() {}

    /** Asks about the rows of {@code in}, which become the table that the workload names. */
    public static Dataset<Row> of(SparkSession spark, Workload workload, Dataset<Row> in) {
        Dataset<Row> rows = workload.watermarkSeconds() > 0
                ? in.withWatermark("event_time", workload.watermarkSeconds() + " seconds")
                : in;
        if (!workload.sparkSql().isEmpty()) {
            rows.createOrReplaceTempView(workload.table());
            staticTables(spark);
            if (workload.table().equals(NexmarkQueries.TABLE)) {
                NexmarkQueries.VIEWS.forEach((name, sql) -> spark.sql(sql).createOrReplaceTempView(name));
            }
            return spark.sql(workload.sparkSql());
        }
        return switch (workload.id()) {
            case Workloads.DEDUPLICATE ->
                rows.dropDuplicatesWithinWatermark("payment").select("payment", "card", "created");
            case Workloads.DISTINCT -> rows.select("id").dropDuplicates("id");
            case Workloads.STATE_FUNCTION -> cardTotals(rows);
            default -> throw new IllegalArgumentException("Cannot ask Spark: work=%s.".formatted(workload.id()));
        };
    }

    private static void staticTables(SparkSession spark) {
        spark.range(Workloads.MERCHANT_COUNT)
                .selectExpr("concat('m', id) AS merchant", "concat('c', id % 10) AS category")
                .createOrReplaceTempView("merchants");
        spark.range(NexmarkQueries.SIDE_COUNT)
                .selectExpr("id", "concat('side ', id) AS label")
                .createOrReplaceTempView("side");
    }

    private static Dataset<Row> cardTotals(Dataset<Row> rows) {
        return rows.select("card", "amount", "created")
                .as(Encoders.tuple(Encoders.INT(), Encoders.DOUBLE(), Encoders.LONG()))
                .groupByKey((MapFunction<Tuple3<Integer, Double, Long>, Integer>) Tuple3::_1, Encoders.INT())
                .transformWithState(
                        new CardTotals(),
                        TimeMode.None(),
                        OutputMode.Update(),
                        Encoders.tuple(Encoders.INT(), Encoders.LONG(), Encoders.DOUBLE(), Encoders.LONG()))
                .toDF("card", "n", "highest", "created");
    }
}
