package dev.millrace.spark.differential;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/** Steps of {@link KeyedCode}, and what they leave of a relation. */
final class KeyedSteps {
    /**
     * A function of {@link KeyedCode}.
     *
     * @param tableName the one whose batch gives the same rows
     */
    private record Code(String tableName, UnaryOperator<Dataset<Row>> stream, UnaryOperator<Dataset<Row>> table) {}

    private static final Map<String, Code> CODE = new LinkedHashMap<>();

    private static void same(String name, UnaryOperator<Dataset<Row>> both) {
        CODE.put(name, new Code(name, both, both));
    }

    static {
        same("remainders", KeyedCode::remainders);
        same("counts", KeyedCode::counts);
        same("countsFromState", InitialCode::counts);
        same("remaindersFromState", InitialCode::remainders);
        // The same rows as of the other functions, whose batches need no state store.
        CODE.put(
                "remaindersOfProcessor",
                new Code("remainders", KeyedCode::remaindersOfProcessor, KeyedCode::remainders));
        CODE.put(
                "remaindersOfProcessorFromState",
                new Code("remaindersFromState", InitialCode::remaindersOfProcessor, InitialCode::remainders));
        CODE.put(
                "bucketsByTimeout", new Code("bucketsOfBatch", KeyedCode::bucketsByTimeout, KeyedCode::bucketsOfBatch));
        CODE.put("bucketsByTimer", new Code("bucketsOfBatch", KeyedCode::bucketsByTimer, KeyedCode::bucketsOfBatch));
        CODE.put("timedBuckets", new Code("timedBucketsOfBatch", TimedBuckets::stream, TimedBuckets::batch));
        CODE.put("keysByTimeout", new Code("keysOfBatch", ClockCode::keysByTimeout, ClockCode::keysOfBatch));
        CODE.put("keysByTimer", new Code("keysOfBatch", ClockCode::keysByTimer, ClockCode::keysOfBatch));
    }

    private KeyedSteps() {}

    static void add(Relation relation, String name) {
        Code code = CODE.get(name);
        relation.step = relation.step.code(
                name, code.tableName(), inputs -> code.stream().apply(inputs.get(0)), inputs -> code.table()
                        .apply(inputs.get(0)));
        boolean isTimed = name.equals("timedBuckets");
        boolean isBucket = name.startsWith("buckets");
        relation.stateful(isBucket || isTimed);
        if (isTimed) {
            relation.columns = new LinkedHashMap<>();
            List.of("k", "v", "n").forEach(column -> relation.columns.put(column, Kind.LONG));
            relation.columns.put("ts", Kind.TIME);
            relation.passing = "k > 7000000";
            return;
        }
        relation.columns = new LinkedHashMap<>(Map.of(isBucket ? "count" : "k", Kind.LONG));
        relation.passing = "";
        relation.time = "";
    }

    /** By its name, as programs that replay a case call it. */
    static Dataset<Row> apply(String name, Dataset<Row> rows) {
        for (Map.Entry<String, Code> entry : CODE.entrySet()) {
            if (entry.getKey().equals(name)) {
                return entry.getValue().stream().apply(rows);
            }
            if (entry.getValue().tableName().equals(name)) {
                return entry.getValue().table().apply(rows);
            }
        }
        throw new IllegalArgumentException(name);
    }
}
