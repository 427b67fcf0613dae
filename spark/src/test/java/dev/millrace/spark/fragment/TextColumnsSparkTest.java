package dev.millrace.spark.fragment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.codegen.CodeGenerator;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.InputAdapter;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.WholeStageCodegenExec;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Which columns generated code takes as text. That answers stay the same {@code JsonQueriesSparkTest} shows. */
class TextColumnsSparkTest {
    private static final StructType BYTES =
            new StructType().add("key", "binary").add("value", "binary").add("count", "long");

    private static SparkSession spark;

    @BeforeAll
    static void startSpark() {
        spark = LocalSpark.start();
    }

    @AfterAll
    static void stopSpark() {
        LocalSpark.stop(spark);
    }

    @Test
    void takesWhatIsOnlyCastToTextAsText() throws Exception {
        assertThat(taken(query().selectExpr("upper(cast(value as string)) as a", "cast(value as string) as b")))
                .isEqualTo("value: string");
        assertThat(taken(query().where("cast(value as string) like 'a%'").selectExpr("cast(key as string)", "count")))
                .isEqualTo("key: string, value: string");
    }

    @Test
    void takesWhatIsAlsoAskedForAsBytesAsBytes() throws Exception {
        assertThat(taken(query().selectExpr("cast(value as string) as a", "value")))
                .isEmpty();
        assertThat(taken(query().selectExpr("cast(value as string) as a", "length(value)")))
                .isEmpty();
        assertThat(taken(query().where("value = key").selectExpr("cast(value as string)")))
                .isEmpty();
        assertThat(taken(query().where("cast(value as string) = 'a'"))).isEmpty();
        assertThat(taken(query().selectExpr("cast(count as string)", "key"))).isEmpty();
    }

    @Test
    void leavesBytesThatTheStageMakesAsTheyAre() throws Exception {
        assertThat(taken(query().selectExpr("unbase64(cast(value as string)) as v", "rand() as r")
                        .where("r < 2")
                        .selectExpr("cast(v as string)", "upper(cast(v as string))")))
                .isEqualTo("value: string");
    }

    private static Dataset<?> query() {
        // The optimiser runs queries of local rows by itself.
        JavaRDD<Row> none =
                JavaSparkContext.fromSparkContext(spark.sparkContext()).emptyRDD();
        return spark.createDataFrame(none, BYTES);
    }

    /** The columns that the code of a query, which compiles, takes as text. */
    private static String taken(org.apache.spark.sql.Dataset<?> query) throws Exception {
        InputAdapter[] input = new InputAdapter[1];
        SparkPlan plan = onInput(((Dataset<?>) query).queryExecution().sparkPlan(), input);
        WholeStageCodegenExec stage = TextColumns.in(new WholeStageCodegenExec(plan, 1), input[0]);
        assertThat(CodeGenerator.compile(stage.doCodeGen()._2())).isNotNull();
        SparkPlan node = stage;
        while (!(node instanceof InputAdapter)) {
            node = node.children().head();
        }
        return String.join(
                ", ",
                Scala.<Attribute>list(node.output()).stream()
                        .filter(column -> column.dataType().equals(DataTypes.StringType))
                        .map(column -> column.name() + ": string")
                        .toList());
    }

    private static SparkPlan onInput(SparkPlan node, InputAdapter[] input) {
        if (node.children().isEmpty()) {
            input[0] = new InputAdapter(node);
            return input[0];
        }
        return (SparkPlan)
                node.withNewChildren(Scala.seq(List.of(onInput(node.children().head(), input))));
    }
}
