package dev.millrace.spark.differential;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** Tables that queries join their streams with. */
final class Statics {
    private Statics() {}

    /** Numbers in a column of that name, and their squares. */
    static Dataset<Row> numbers(SparkSession session, String id, boolean withPassingKeys) {
        Dataset<Long> numbers = session.range(12);
        Dataset<Long> all = withPassingKeys
                ? numbers.union(session.range(RandomTables.PASSING_KEY, RandomTables.PASSING_KEY + 4))
                : numbers;
        return all.selectExpr("id as " + id, "id * id as " + id + "_squared");
    }
}
