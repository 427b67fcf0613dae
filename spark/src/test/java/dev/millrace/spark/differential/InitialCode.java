package dev.millrace.spark.differential;

import org.apache.spark.api.java.function.FlatMapGroupsWithStateFunction;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.api.java.function.MapGroupsWithStateFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.KeyValueGroupedDataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.GroupStateTimeout;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.TimeMode;
import scala.Tuple2;

/** User code as in {@link KeyedCode}, whose state begins with something. */
final class InitialCode {
    private InitialCode() {}

    /** For some keys, of which not all have rows. */
    private static KeyValueGroupedDataset<Long, Long> initial(SparkSession session) {
        return session.range(3, 23)
                .groupByKey((MapFunction<Long, Long>) key -> key, Encoders.LONG())
                .mapValues((MapFunction<Long, Long>) key -> key * 3 % 64, Encoders.LONG());
    }

    static Dataset<Row> counts(Dataset<Row> rows) {
        MapGroupsWithStateFunction<Long, Tuple2<Long, Long>, Long, Tuple2<Long, Long>> function = KeyedCode::counted;
        return KeyedCode.grouped(rows)
                .mapGroupsWithState(
                        function,
                        Encoders.LONG(),
                        KeyedCode.PAIRS,
                        GroupStateTimeout.NoTimeout(),
                        initial(rows.sparkSession()))
                .toDF("k", "count");
    }

    /** The remainders that a key's state begins with count as given. */
    static Dataset<Row> remainders(Dataset<Row> rows) {
        FlatMapGroupsWithStateFunction<Long, Tuple2<Long, Long>, Long, Tuple2<Long, Long>> function =
                KeyedCode::newRemainders;
        return KeyedCode.grouped(rows)
                .flatMapGroupsWithState(
                        function,
                        OutputMode.Append(),
                        Encoders.LONG(),
                        KeyedCode.PAIRS,
                        GroupStateTimeout.NoTimeout(),
                        initial(rows.sparkSession()))
                .toDF("k", "remainder");
    }

    static Dataset<Row> remaindersOfProcessor(Dataset<Row> rows) {
        return KeyedCode.grouped(rows)
                .transformWithState(
                        new RemainderProcessor(),
                        TimeMode.None(),
                        OutputMode.Update(),
                        initial(rows.sparkSession()),
                        KeyedCode.PAIRS,
                        Encoders.LONG())
                .toDF("k", "remainder");
    }
}
