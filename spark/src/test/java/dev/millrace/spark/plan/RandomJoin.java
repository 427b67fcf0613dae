package dev.millrace.spark.plan;

import static org.apache.spark.sql.functions.expr;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/** A join of two streams over {@link Samples}, drawn by a seed, and what stands before and behind it. */
final class RandomJoin implements Joins.Query {
    private static final List<String> TYPES =
            List.of("inner", "left_outer", "right_outer", "full_outer", "left_semi", "inner");
    private static final List<String> KEYS = List.of(
            "l.k = r.k",
            "l.i = r.i",
            "l.s = r.s",
            "l.d = r.d",
            "l.day = r.day",
            "l.m = r.m",
            "l.xs = r.xs",
            "l.k <=> r.k",
            "l.v % 5 = r.v % 5",
            "l.k = r.i",
            "struct(l.k, l.i) = struct(r.k, r.i)",
            "coalesce(l.k, -1L) = r.k + 1");
    private static final List<String> CONDITIONS = List.of(
            "l.v > r.v",
            "l.i > 0",
            "r.s like '%1%'",
            "l.n % 3 <> r.n % 3",
            "coalesce(l.v, 0) + coalesce(r.i, 0) < 400",
            "not (l.d < r.d)",
            "l.s is not null or r.k > 1");
    private static final List<String> BEFORE =
            List.of("v > 100", "k is not null", "coalesce(i, 0) >= 0", "size(xs) > 0");

    private final Random random;
    private final String type;
    private final String condition;
    private final String filterLeft;
    private final String filterRight;
    private final boolean isSelfJoin;
    private final boolean isUnion;
    private final boolean isAggregated;

    RandomJoin(long seed) {
        random = new Random(seed);
        type = oneOf(TYPES);
        condition = condition();
        filterLeft = random.nextInt(3) == 0 ? oneOf(BEFORE) : "true";
        filterRight = random.nextInt(3) == 0 ? oneOf(BEFORE) : "true";
        isSelfJoin = random.nextInt(5) == 0;
        isUnion = random.nextInt(4) == 0;
        isAggregated = (type.equals("inner") || type.equals("left_semi")) && random.nextInt(3) == 0;
    }

    private String oneOf(List<String> list) {
        return list.get(random.nextInt(list.size()));
    }

    private String condition() {
        List<String> parts = new ArrayList<>(some(KEYS, 1 + random.nextInt(2)));
        if (random.nextInt(8) == 0) {
            parts.add("l.ts = r.ts");
        } else {
            int before = random.nextInt(20);
            int behind = random.nextInt(20);
            parts.add("r.ts >= l.ts - interval %d seconds".formatted(before));
            parts.add("r.ts <= l.ts + interval %d seconds".formatted(behind));
        }
        parts.addAll(some(CONDITIONS, random.nextInt(3)));
        return String.join(" and ", parts);
    }

    private List<String> some(List<String> of, int count) {
        List<String> shuffled = new ArrayList<>(of);
        Collections.shuffle(shuffled, random);
        return shuffled.subList(0, count);
    }

    /** Whether the last row for each key counts, instead of all rows. */
    boolean isAggregated() {
        return isAggregated;
    }

    /** How many tables it reads. */
    int tableCount() {
        return 1 + (isSelfJoin ? 0 : 1) + (isUnion ? 1 : 0);
    }

    @Override
    public Dataset<Row> apply(List<Dataset<Row>> inputs) {
        Dataset<Row> right = isSelfJoin ? StreamJoinSparkTest.renewed(inputs.get(0)) : inputs.get(1);
        Dataset<Row> left = side(inputs.get(0), filterLeft);
        if (isUnion) {
            left = left.union(side(inputs.get(tableCount() - 1), filterLeft));
        }
        Dataset<Row> joined = left.as("l").join(side(right, filterRight).as("r"), expr(condition), type);
        Dataset<Row> chosen = type.equals("left_semi")
                ? joined.selectExpr("l.k as k", "l.n as n", "l.s as s", "l.xs as xs")
                : joined.selectExpr("l.k as k", "l.n as n", "r.n as rn", "concat(l.s, '/', r.s) as s", "r.m as m");
        UnaryOperator<Dataset<Row>> aggregation =
                rows -> rows.groupBy("k").agg(expr("count(1)"), expr("sum(n)"), expr("max(s)"));
        return isAggregated ? aggregation.apply(chosen) : chosen;
    }

    private static Dataset<Row> side(Dataset<Row> rows, String filter) {
        return rows.withWatermark("ts", Joins.DELAY).filter(filter);
    }

    @Override
    public String toString() {
        return "%s join on %s, left where %s, right where %s%s%s%s"
                .formatted(
                        type,
                        condition,
                        filterLeft,
                        filterRight,
                        isSelfJoin ? ", with itself" : "",
                        isUnion ? ", left a union" : "",
                        isAggregated ? ", aggregated" : "");
    }
}
