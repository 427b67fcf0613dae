package dev.millrace.spark.outside;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;
import org.apache.spark.sql.types.DataTypes;

/**
 * A stateful query over {@link NumbersProvider}: how often each key came, to {@link EpochFilesProvider}.
 * Its function springs the trap {@code function} for each row.
 *
 * @param rows of each of two partitions
 * @param perSecond rows of each partition
 * @param checkpoint a location of any file system
 * @param output the sink's folder
 */
public record CountingQuery(long rows, long perSecond, String checkpoint, Path output) {
    private static final int KEYS = 37;
    private static final int PARTITIONS = 2;

    public StreamingQuery start(SparkSession session) throws Exception {
        UDF1<Long, Long> keyOf = value -> {
            Traps.pass("function");
            return value % KEYS;
        };
        Dataset<Row> counts = session.readStream()
                .format(NumbersProvider.class.getName())
                .option("partitions", PARTITIONS)
                .option("rows", rows)
                .option("perSecond", perSecond)
                .load()
                .select(functions
                        .udf(keyOf, DataTypes.LongType)
                        .apply(functions.col("value"))
                        .as("k"))
                .groupBy("k")
                .count();
        return counts.writeStream()
                .format(EpochFilesProvider.class.getName())
                .option("path", output.toString())
                .option("checkpointLocation", checkpoint)
                .outputMode("update")
                .trigger(Trigger.RealTime(100, TimeUnit.MILLISECONDS))
                .start();
    }

    /** What Spark's batch gives over all rows. */
    public Map<Long, Long> batchAnswer(SparkSession session) {
        Map<Long, Long> counts = new HashMap<>();
        session.range(rows * PARTITIONS)
                .selectExpr("id %% %d as k".formatted(KEYS))
                .groupBy("k")
                .count()
                .collectAsList()
                .forEach(row -> counts.put(row.getLong(0), row.getLong(1)));
        return counts;
    }

    /** The last count of each key in the sink; fails when one ever went back, as after rows that were lost. */
    public Map<Long, Long> answer() throws IOException {
        Map<Long, Long> counts = new HashMap<>();
        for (String line : EpochFilesProvider.lines(output)) {
            String[] parts = line.split(",");
            long count = Long.parseLong(parts[1]);
            Long before = counts.put(Long.parseLong(parts[0]), count);
            if (before != null && before > count) {
                throw new AssertionError("key %s went back from %d to %d".formatted(parts[0], before, count));
            }
        }
        return counts;
    }
}
