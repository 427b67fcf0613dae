package dev.millrace.spark.plan;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;

/** A query over {@link Samples}, drawn by a seed. The same for a stream and for a table. */
final class RandomQuery {
    private static final List<String> FILTERS = List.of(
            "v > 100",
            "k is not null",
            "s like '%1%' or v is null",
            "d < 5 or isnan(d)",
            "size(xs) > 1",
            "i in (-1, 0, 2)",
            "coalesce(v, 0) % 3 <> 1",
            "get_json_object(j, '$.a') is not null",
            "not (k = 1 and i > 0)");
    private static final List<String> COLUMNS = List.of(
            "v * 2 + coalesce(i, 0)",
            "concat(s, '-', k)",
            "if(v > 10, d, -d)",
            "from_json(j, 'a int, b array<int>').a",
            "md5(s)",
            "m * 3",
            "date_add(day, i)",
            "hash(k, s, d)",
            "array_sort(xs)",
            "case when k = 0 then 'zero' when k = 1 then s end");
    private static final List<String> KEYS = List.of(
            "k",
            "i",
            "s",
            "d",
            "day",
            "m",
            "xs",
            "v % 5",
            "struct(k, i)",
            "window(ts, '20 seconds')",
            "window(ts, '30 seconds', '10 seconds')",
            "substring(s, 6, 1)",
            "cast(d as float)");
    private static final List<String> FUNCTIONS = List.of(
            "count(1)",
            "sum(v)",
            "avg(v)",
            "max(s)",
            "min(m)",
            "sum(m)",
            "count(s)",
            "approx_count_distinct(v)",
            "sort_array(collect_list(n))",
            "sum(v) filter (where i > 0)",
            "max(ts)",
            "stddev(v)",
            "max_by(s, n)",
            "percentile_approx(v, 0.5)",
            "bool_or(v > 500)",
            "sum(v) + max(n)",
            "avg(d)",
            "sort_array(collect_list(s))");

    private final Random random;
    private final SparkSession session;
    private final List<String> steps = new ArrayList<>();
    private final List<java.util.function.UnaryOperator<Dataset<Row>>> operators = new ArrayList<>();
    private int keyCount = -1;

    RandomQuery(SparkSession session, long seed) {
        this(session, new Random(seed));
        addSomeStateless();
        if (random.nextInt(4) > 0) {
            addAggregation();
        }
    }

    private RandomQuery(SparkSession session, Random random) {
        this.session = session;
        this.random = random;
    }

    /** A query for append mode, one to three stateful operators deep, none of whose rows is late. */
    static RandomQuery appending(SparkSession session, long seed) {
        RandomQuery query = new RandomQuery(session, new Random(seed));
        query.add("watermark", rows -> rows.withWatermark("ts", "1 minute"));
        boolean deduplicates = query.random.nextInt(3) == 0;
        if (deduplicates) {
            query.addFirstRows();
        } else {
            query.addSomeStateless();
        }
        query.addWindows(deduplicates ? List.of("count(1)", "sum(i)", "max(k)") : FUNCTIONS);
        query.addAfterWindows();
        return query;
    }

    /** An aggregation for complete mode. */
    static RandomQuery complete(SparkSession session, long seed) {
        RandomQuery query = new RandomQuery(session, new Random(seed));
        query.addSomeStateless();
        query.addAggregation();
        return query;
    }

    private void addSomeStateless() {
        for (int i = random.nextInt(4); i > 0; i--) {
            addStateless();
        }
    }

    private void addFirstRows() {
        String second = oneOf(random, List.of("i", "n", "day"));
        add("first rows by k, " + second + ", ts", rows -> rows.selectExpr(
                        "k", "ts", "coalesce(i, 0) as i", second + " as other")
                .dropDuplicates()
                .filter("i < 3"));
    }

    private void addWindows(List<String> choice) {
        String window = oneOf(
                random,
                List.of(
                        "window(ts, '20 seconds')",
                        "window(ts, '30 seconds', '10 seconds')",
                        "window(ts, '7 seconds')"));
        String key = oneOf(random, List.of("k", "i", "k + i", "cast(k as double) / 2"));
        List<String> functions = new ArrayList<>(choice);
        Collections.shuffle(functions, random);
        List<String> chosen = functions.subList(0, 1 + random.nextInt(3));
        boolean byKey = random.nextBoolean();
        add("group by " + window + (byKey ? " and " + key : "") + " aggregate " + chosen, rows -> {
            var grouped = byKey
                    ? rows.groupBy(expr(window).as("w"), expr(key).as("key"))
                    : rows.groupBy(expr(window).as("w"));
            List<Column> columns = new ArrayList<>();
            for (int i = 0; i < chosen.size(); i++) {
                columns.add(expr(chosen.get(i)).as("f" + i));
            }
            return grouped.agg(
                    columns.get(0), columns.subList(1, columns.size()).toArray(new Column[0]));
        });
    }

    private void addAfterWindows() {
        switch (random.nextInt(5)) {
            case 0 -> add("same windows", rows -> rows.groupBy("w").agg(expr("count(1)"), expr("count(f0)")));
            case 1 ->
                add("larger windows", rows -> rows.groupBy(expr("window(window_time(w), '40 seconds')"))
                        .agg(expr("count(1)"), expr("count(f0)")));
            case 2 ->
                add("windows of windows, twice", rows -> rows.groupBy(expr("window(w, '15 seconds') as w"))
                        .agg(expr("count(1) as n"))
                        .groupBy(expr("window(w, '60 seconds')"))
                        .agg(expr("sum(n)"), expr("max(n)")));
            case 3 -> add("first rows of windows", rows -> rows.select("w").dropDuplicates());
            default -> add("filter", rows -> rows.filter("f0 is not null"));
        }
    }

    Dataset<Row> apply(Dataset<Row> rows) {
        Dataset<Row> result = rows;
        for (var operator : operators) {
            result = operator.apply(result);
        }
        return result;
    }

    boolean isAggregation() {
        return keyCount >= 0;
    }

    int keyCount() {
        return keyCount;
    }

    @Override
    public String toString() {
        return String.join(" -> ", steps);
    }

    private void add(String step, java.util.function.UnaryOperator<Dataset<Row>> operator) {
        steps.add(step);
        operators.add(operator);
    }

    private static <T> T oneOf(Random random, List<T> list) {
        return list.get(random.nextInt(list.size()));
    }

    private void addStateless() {
        switch (random.nextInt(5)) {
            case 0, 1 -> {
                String filter = oneOf(random, FILTERS);
                add("filter " + filter, rows -> rows.filter(filter));
            }
            case 2 -> {
                String column = oneOf(random, COLUMNS);
                String name = "c" + steps.size();
                add("column " + column, rows -> rows.withColumn(name, expr(column)));
            }
            case 3 -> {
                boolean outer = random.nextBoolean();
                String name = "x" + steps.size();
                String function = outer ? "explode_outer" : "explode";
                String of = random.nextBoolean() ? "xs" : "from_json(j, 'b array<int>').b";
                add(function + " " + of, rows -> rows.withColumn(name, expr(function + "(" + of + ")")));
            }
            default -> {
                String type = oneOf(random, List.of("inner", "left", "left_semi", "left_anti"));
                String id = "id" + steps.size();
                String condition = random.nextBoolean() ? "k = " + id : "i < " + id + " and " + id + " < 3";
                add(
                        type + " join on " + condition,
                        rows -> rows.join(
                                session.range(12).selectExpr("id as " + id, "id * id as w" + id),
                                expr(condition),
                                type));
            }
        }
    }

    private void addAggregation() {
        List<String> keys = new ArrayList<>(KEYS);
        Collections.shuffle(keys, random);
        keys = keys.subList(0, random.nextInt(3));
        // Spark takes one window per grouping.
        if (keys.stream().filter(key -> key.startsWith("window")).count() > 1) {
            keys = keys.subList(0, 1);
        }
        List<String> functions = new ArrayList<>(FUNCTIONS);
        Collections.shuffle(functions, random);
        functions = functions.subList(0, 1 + random.nextInt(4));
        keyCount = keys.size();
        Column[] grouping = new Column[keys.size()];
        for (int i = 0; i < grouping.length; i++) {
            grouping[i] = expr(keys.get(i)).as("key" + i);
        }
        List<Column> aggregates = new ArrayList<>();
        for (String function : functions) {
            aggregates.add(expr(function));
        }
        Column first = aggregates.remove(0);
        Column[] others = aggregates.toArray(new Column[0]);
        add("group by " + keys + " aggregate " + functions, rows -> rows.groupBy(grouping)
                .agg(first, others));
        if (random.nextInt(3) == 0) {
            add(
                    "column after",
                    rows -> rows.withColumn("after", col("`" + rows.columns()[rows.columns().length - 1] + "`")));
        }
    }
}
