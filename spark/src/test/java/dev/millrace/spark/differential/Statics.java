package dev.millrace.spark.differential;

import static org.apache.spark.sql.functions.expr;

import dev.millrace.spark.batches.ScriptedProvider;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SQLContext;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.streaming.StreamingRelationV2;
import org.apache.spark.sql.sources.BaseRelation;
import org.apache.spark.sql.sources.RelationProvider;
import org.apache.spark.sql.sources.TableScan;
import org.apache.spark.sql.types.StructType;

/**
 * Tables that queries join their streams with. Where the streams come from a script, and static tables are read again for
 * each epoch, the tables change whenever batches of the script come to be there.
 */
public final class Statics implements RelationProvider {
    /** How often Millrace reads such tables again. */
    static final String REFRESH = "spark.millrace.static.refresh";

    /** At the end of each epoch; Spark reads them in each batch. */
    static final String EACH_EPOCH = "0s";

    private static final int COUNT = 12;
    private static final int PASSING_COUNT = 4;

    /** Of so many numbers next to each other, a table that changes has all but one. */
    private static final int PERIOD = 5;

    /** Joins with a table of numbers and their squares, with those beside them that pass every filter or not. */
    static Dataset<Row> join(Dataset<Row> rows, String id, boolean withPassingKeys, String condition, String type) {
        String script = script(rows);
        boolean changes =
                script != null && EACH_EPOCH.equals(rows.sparkSession().conf().get(REFRESH, ""));
        Dataset<Row> numbers = changes
                ? rows.sparkSession()
                        .read()
                        .format(Statics.class.getName())
                        .option("script", script)
                        .load()
                : rows.sparkSession()
                        .range(COUNT)
                        .union(passing(rows))
                        .selectExpr("id as number", "id * id as squared");
        Dataset<Row> all = withPassingKeys ? numbers : numbers.where("number < " + COUNT);
        return rows.join(all.selectExpr("number as " + id, "squared as " + id + "_squared"), expr(condition), type);
    }

    private static Dataset<Long> passing(Dataset<Row> rows) {
        return rows.sparkSession().range(RandomTables.PASSING_KEY, RandomTables.PASSING_KEY + PASSING_COUNT);
    }

    /** The script that rows come from, or null. */
    private static String script(Dataset<Row> rows) {
        for (LogicalPlan leaf : Scala.list(((org.apache.spark.sql.classic.Dataset<Row>) rows)
                .queryExecution()
                .analyzed()
                .collectLeaves())) {
            if (leaf instanceof StreamingRelationV2 relation) {
                return relation.extraOptions().get("script");
            }
        }
        return null;
    }

    @Override
    public BaseRelation createRelation(SQLContext context, scala.collection.immutable.Map<String, String> options) {
        return new Numbers(context, Scala.map(options));
    }

    /** As of the batches that are there when it is read. */
    private static final class Numbers extends BaseRelation implements TableScan {
        private final SQLContext context;
        private final Map<String, String> options;

        Numbers(SQLContext context, Map<String, String> options) {
            this.context = context;
            this.options = options;
        }

        @Override
        public SQLContext sqlContext() {
            return context;
        }

        @Override
        public StructType schema() {
            return StructType.fromDDL("number BIGINT NOT NULL, squared BIGINT NOT NULL");
        }

        @Override
        public RDD<Row> buildScan() {
            int version = ScriptedProvider.published(options.get("script"));
            List<Row> rows = new ArrayList<>();
            for (long number = 0; number < COUNT; number++) {
                if ((number + version) % PERIOD != 0) {
                    rows.add(RowFactory.create(number, number * number + version));
                }
            }
            for (long number = RandomTables.PASSING_KEY; number < RandomTables.PASSING_KEY + PASSING_COUNT; number++) {
                rows.add(RowFactory.create(number, number * number));
            }
            return new JavaSparkContext(context.sparkContext())
                    .parallelize(rows, 1)
                    .rdd();
        }
    }
}
