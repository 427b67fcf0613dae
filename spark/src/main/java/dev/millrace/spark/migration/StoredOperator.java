package dev.millrace.spark.migration;

import java.util.Iterator;
import java.util.Set;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.types.StructType;

/**
 * One of Spark's stateful operators in a checkpoint.
 *
 * @param epoch the batch whose state is read
 * @param id its number in the checkpoint
 * @param name what Spark calls it
 */
record StoredOperator(SparkSession session, String checkpoint, long epoch, int id, String name) {
    /**
     * The entries of one of its stores.
     *
     * @param key the columns of a key, likewise {@code value}
     */
    record Store(Dataset<Row> rows, StructType key, StructType value) {
        /** Rows of a key and a value, a partition of the store at a time. */
        Iterator<InternalRow> entries() {
            return rows.queryExecution()
                    .toRdd()
                    .toJavaRDD()
                    .map(InternalRow::copy)
                    .toLocalIterator();
        }
    }

    /** Whether it is one of some of Spark's. */
    boolean is(String... names) {
        return Set.of(names).contains(name);
    }

    Store store(String storeName) {
        Dataset<Row> rows = session.read()
                .format("statestore")
                .option("batchId", epoch)
                .option("operatorId", id)
                .option("storeName", storeName)
                .load(checkpoint)
                .select("key", "value");
        return new Store(rows, (StructType) rows.schema().apply("key").dataType(), (StructType)
                rows.schema().apply("value").dataType());
    }
}
