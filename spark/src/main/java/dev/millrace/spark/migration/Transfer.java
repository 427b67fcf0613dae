package dev.millrace.spark.migration;

import dev.millrace.engine.snapshot.SnapshotFileWriter;
import dev.millrace.engine.snapshot.StateSchema;
import java.util.List;
import org.apache.spark.sql.types.StructType;

/**
 * The move of one operator's state.
 *
 * @param to whose it becomes
 * @param from whose it is
 * @param keyGroupCount of the query
 * @param file takes what is written
 */
record Transfer(KeyedOperator to, StoredOperator from, int keyGroupCount, SnapshotFileWriter file) {
    /** The state that is called so by its number. */
    StateSchema schema(int index) {
        List<StateSchema> schemas = to.factory().states();
        return schemas.get(index);
    }

    /**
     * Writes one of the operator's states.
     *
     * @param key the columns of Spark's keys, likewise {@code value}
     *
     * <p>Errors: UNSUPPORTED_CHECKPOINT where those have other types than the state's.
     */
    StoreCopy into(StateSchema schema, StructType key, StructType value) {
        return new StoreCopy(this, schema, key, value);
    }
}
