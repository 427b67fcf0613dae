package dev.millrace.spark.plan;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.from_json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.spark.LocalSpark;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Queries over JSON as Kafka brings it: the rows of Spark, of texts that are read once though asked for twice. */
class JsonQueriesSparkTest {
    private static final StructType SCHEMA = new StructType()
            .add("card", DataTypes.IntegerType)
            .add("amount", DataTypes.DoubleType)
            .add("merchant", DataTypes.StringType)
            .add("more", new StructType().add("b", DataTypes.LongType).add("xs", "array<int>"));

    private static final List<String> TEXTS = List.of(
            "{\"card\":1,\"amount\":15.5,\"merchant\":\"m1\",\"more\":{\"b\":7,\"xs\":[1,null,2]}}",
            "{\"card\":2,\"amount\":9,\"merchant\":\"m2\"}",
            "{\"amount\":20.25,\"merchant\":\"straße\",\"other\":[{}]}",
            "{\"card\":\"no number\",\"amount\":30,\"merchant\":\"m3\"}",
            "{\"card\":3,\"amount\":\"no number\",\"merchant\":\"m4\"}",
            "{\"card\":99999999999,\"amount\":31}",
            "{\"card\":4,\"amount\":40,\"merchant\":\"cut",
            "{\"card\":5,\"amount\":50,\"merchant\":null,\"more\":5}",
            "{'card':6,'amount':60}",
            "[{\"card\":7,\"amount\":70}]",
            "{\"card\":8,\"card\":9,\"amount\":80,\"amount\":5}",
            "plain text",
            "Größe \uD83D\uDE80",
            "{}",
            "null",
            " ",
            "");

    private static SparkSession session;
    private static MemoryTable table;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            String text = TEXTS.get(i % TEXTS.size());
            byte[] bytes = i % 11 == 10 ? null : text.getBytes(StandardCharsets.UTF_8);
            rows.add(RowFactory.create(bytes, i % 7 == 6 ? null : text, (long) i));
        }
        table = new MemoryTable(
                session,
                new StructType()
                        .add("value", DataTypes.BinaryType)
                        .add("text", DataTypes.StringType)
                        .add("n", DataTypes.LongType, false),
                rows);
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @AfterEach
    void reset() {
        session.conf().unset("spark.sql.codegen.wholeStage");
        session.conf().unset("spark.sql.json.enablePartialResults");
    }

    private static Column read() {
        return from_json(col("value").cast("string"), SCHEMA).as("t");
    }

    static Stream<Arguments> queries() {
        return Stream.of(
                query("filter of a field, all fields", 1, t -> t.select(read())
                        .select("t.*")
                        .filter("amount > 10")),
                query("written again", 1, t -> t.select(read())
                        .select("t.*")
                        .filter("amount > 10")
                        .selectExpr("upper(merchant)", "to_json(struct(card, amount * 1.1, merchant, more))")),
                query("filter of the whole", 1, t -> t.select(read(), col("n"))
                        .filter("t is not null and t.more.b = 7 and n > 3")
                        .selectExpr("t", "n", "t.more.xs[0]")),
                query("some fields", 1, t -> t.select(read(), col("n"))
                        .filter("t.card < 9 or t.merchant like 'm%'")
                        .selectExpr("t.amount", "t.card + n")),
                query("text column", 1, t -> t.select(
                                from_json(col("text"), SCHEMA).as("t"), col("n"))
                        .filter("t.card > 0")
                        .selectExpr("t.card", "t.amount", "n")),
                query("two texts", 2, t -> t.select(
                                read(), from_json(col("text"), SCHEMA).as("u"))
                        .filter("t.card > 0 and u.amount > 1")
                        .selectExpr("t.*", "u.card + 1 as c")),
                query("bytes as text", 0, t -> t.filter("n <> 3 and cast(value as string) like '{%'")
                        .selectExpr("cast(value as string)", "upper(cast(value as string))", "n")),
                query("bytes as text and as bytes", 0, t -> t.selectExpr("cast(value as string)", "value", "n")),
                query("other options", 0, t -> t.filter(
                                expr("from_json(text, 'card int, amount double', map('locale', 'de')).card > 1"))
                        .selectExpr("from_json(text, 'card int, amount double').amount")),
                query("a text that may not be asked for", 0, t -> t.select(
                                from_json(expr("if(n > 50, raise_error('asked'), text)"), SCHEMA)
                                        .as("t"),
                                col("n"))
                        .filter("n < 50 and t.amount > 10")
                        .selectExpr("t.card", "n")),
                query("filter alone", 0, t -> t.filter(expr("from_json(text, 'card int, amount double').card > 1"))));
    }

    private static Arguments query(String name, int shared, Function<Dataset<Row>, Dataset<?>> query) {
        return Arguments.of(name, shared, query);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("queries")
    void givesTheRowsOfSpark(String name, int shared, Function<Dataset<Row>, Dataset<?>> query) {
        for (String fused : List.of("true", "false")) {
            session.conf().set("spark.sql.codegen.wholeStage", fused);
            Queries.checkStateless(session, table, true, query);
        }
        session.conf().set("spark.sql.json.enablePartialResults", "false");
        Queries.checkStateless(session, table, true, query);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("queries")
    void readsSharedTextsOnce(String name, int shared, Function<Dataset<Row>, Dataset<?>> query) {
        String plan = plan(query.apply(table.asStream(0)));
        assertThat(Pattern.compile("\\.plain\\(").matcher(plan).results().count())
                .as(plan)
                .isEqualTo(shared);
    }

    @Test
    void writesJsonAndLettersWithoutSparksOwn() {
        String plan = plan(table.asStream(0).selectExpr("to_json(struct(n, upper(text), lower(text))) as json"));
        assertThat(plan).contains("to_json(").contains("AsciiCase").doesNotContain("StructsToJsonEvaluator");
    }

    private static String plan(Dataset<?> query) {
        return Queries.plan(session, query, OutputMode.Update(), table)
                .physicalPlan()
                .toString();
    }
}
