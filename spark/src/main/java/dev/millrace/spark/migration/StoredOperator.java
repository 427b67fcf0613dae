package dev.millrace.spark.migration;

import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.operators.stateful.transformwithstate.TransformWithStateOperatorProperties;
import org.apache.spark.sql.execution.streaming.operators.stateful.transformwithstate.TransformWithStateOperatorProperties$;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructType;

/**
 * One of Spark's stateful operators in a checkpoint.
 *
 * @param epoch the batch whose state is read
 * @param id its number in the checkpoint
 * @param name what Spark calls it
 * @param storeNames its stores
 * @param propertiesText what else Spark notes of it, or nothing
 */
record StoredOperator(
        SparkSession session,
        String checkpoint,
        long epoch,
        int id,
        String name,
        List<String> storeNames,
        String propertiesText) {
    private static final String ONLY_STORE = "default";

    /** The entries of one of its stores, or of a part of one that has a name of its own. */
    record Store(Dataset<Row> rows) {
        StructType type() {
            return rows.schema();
        }

        /** Rows in the order of some columns within each partition. */
        Store sorted(String... columns) {
            Column[] order = List.of(columns).stream().map(functions::col).toArray(Column[]::new);
            return new Store(rows.sortWithinPartitions(order));
        }

        /** Rows of a key, a value and perhaps more, a partition of the store at a time. */
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

    /** The only store: of columns {@code key} and {@code value}. */
    Store store() {
        return store(ONLY_STORE);
    }

    /** One of several stores; or, where Spark keeps them all in one, a column family of that name. */
    Store store(String storeName) {
        String option = storeNames.contains(storeName) ? "storeName" : "stateVarName";
        return read(Map.of(option, storeName), "key", "value");
    }

    /** The entries of a variable of {@code transformWithState}, as rows of these columns. */
    Store variable(String variableName, String... columns) {
        return read(Map.of("stateVarName", variableName), columns);
    }

    /** The timers of {@code transformWithState}: keys and milliseconds. */
    Store timers() {
        return read(Map.of("readRegisteredTimers", "true"), "key", "expiration_timestamp_ms");
    }

    private Store read(Map<String, String> options, String... columns) {
        return new Store(session.read()
                .format("statestore")
                .option("batchId", epoch)
                .option("operatorId", id)
                .options(options)
                .load(checkpoint)
                .selectExpr(columns));
    }

    /** Of {@code transformWithState}: its variables and what its time is. */
    TransformWithStateOperatorProperties properties() {
        return TransformWithStateOperatorProperties$.MODULE$.fromJson(propertiesText);
    }

    /** Errors: always, UNSUPPORTED_CHECKPOINT. */
    RuntimeException refused(String fact) {
        return SparkState.refused("its operator %d, %s, %s".formatted(id, name, fact));
    }
}
