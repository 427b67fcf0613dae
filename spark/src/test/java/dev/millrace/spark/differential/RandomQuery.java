package dev.millrace.spark.differential;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Draws queries of up to four operators with state, of which the last rows of a stream and the answer of a
 * batch must be the same. What would make them differ by what streams and batches are is not drawn, or
 * the table gets another step than the stream, where its comment says why.
 */
final class RandomQuery {
    private static final List<String> TIME_BOUNDS = List.of(
            " and lts >= rts - interval 10 seconds and lts <= rts + interval 5 seconds",
            " and rts between lts and lts + interval 20 seconds",
            " and lts > rts - interval 1 minute and lts < rts");
    private static final List<String> JOIN_KEYS = List.of(
            "lk = rk",
            "lk = rk",
            "lk = rk and ln % 2 = rn % 2",
            "lk + 1 = rk + 1",
            "lk <=> rk",
            "named_struct('k', lk, 'n', ln % 2) = named_struct('k', rk, 'n', rn % 2)",
            "cast(lk as string) = cast(rk as string)",
            "lv % 5 = rv % 5",
            "lk = rk and lts = rts");
    private static final List<String> MORE_CONDITIONS =
            List.of("", "", " and lv > rv", " and (ln + rn) % 3 <> 1", " and coalesce(lv, 0) <> 5");

    private static final List<String> WINDOWS = List.of(
            "window(ts, '10 seconds')",
            "window(ts, '30 seconds')",
            "window(ts, '20 seconds', '10 seconds')",
            "window(ts, '1 minute', '20 seconds')");
    private static final List<String> SESSIONS = List.of(
            "session_window(ts, '5 seconds')",
            "session_window(ts, if(coalesce(k, 0) % 2 = 0, '3 seconds', '40 seconds'))");

    private final Draw draw;
    private final Map<String, Kind> sourceColumns;
    private final String mode;
    private final boolean isIdle;
    private final boolean goesByClock;
    private int sources;
    private int names;
    private int keyCount = Query.ALL_ROWS;
    private boolean isOrdered;
    private boolean isCounted;

    private RandomQuery(Draw draw, Map<String, Kind> sourceColumns, boolean isIdle, boolean goesByClock) {
        this.draw = draw;
        this.isIdle = isIdle;
        this.goesByClock = goesByClock;
        this.sourceColumns = sourceColumns;
        this.mode = draw.oneOf("append", "append", "append", "update", "complete");
    }

    /**
     * @param isIdle whether partitions may count as idle between any two of their rows, which are not to be late then
     * @param goesByClock whether the query may go by the time of day
     */
    static Query draw(Draw draw, Map<String, Kind> sourceColumns, boolean isIdle, boolean goesByClock) {
        return new RandomQuery(draw, sourceColumns, isIdle, goesByClock).query();
    }

    private Query query() {
        Relation relation =
                switch (mode) {
                    case "append" -> appending();
                    case "update" -> updating();
                    default -> complete();
                };
        return new Query(
                relation.step,
                sources,
                mode,
                keyCount,
                isOrdered,
                isCounted,
                relation.hasWatermark,
                relation.dropsLateRows);
    }

    private Relation appending() {
        boolean isTimed = !draw.onceIn(4);
        Relation relation = input(isTimed);
        if (!isTimed) {
            return withoutTime(relation);
        }
        for (int more = draw.between(1, 3); more > 0 && !relation.time.isEmpty(); more--) {
            if (relation.time.equals("w")) {
                windowsAgain(relation);
            } else {
                relation = timed(relation);
            }
        }
        if (!relation.isCoarse && draw.onceIn(3)) {
            stateless(relation, 1);
        }
        if (relation.isCoarse) {
            windows(relation);
        }
        return relation;
    }

    private Relation withoutTime(Relation relation) {
        switch (draw.below(5)) {
            case 0 -> firstRows(relation, false);
            case 1 ->
                userCode(
                        relation,
                        goesByClock
                                ? draw.oneOf("remainders", "remaindersFromState", "keysByTimeout", "keysByTimer")
                                : draw.oneOf("remainders", "remaindersFromState"));
            case 2 -> limit(relation);
            case 3 -> {
                return join(relation, false);
            }
            default -> stateless(relation, 2);
        }
        return relation;
    }

    private Relation timed(Relation relation) {
        boolean isWhole = relation.has("k", "ts", "v", "n");
        switch (draw.below(isWhole && !relation.isCoarse ? 9 : 2)) {
            case 0, 1 -> windows(relation);
            case 2 -> firstRows(relation, true);
            case 3 -> firstRowsWithin(relation);
            case 4, 5 -> {
                return sources < 3 && !relation.isStateful ? join(relation, true) : relation;
            }
            case 6 -> byTime(relation);
            case 7 -> userCode(relation, "timedBuckets");
            default -> userCode(relation, draw.oneOf("bucketsByTimeout", "bucketsByTimer"));
        }
        return relation;
    }

    private Relation updating() {
        Relation relation = input(draw.onceIn(2));
        if (!relation.has("k", "v")) {
            throw new IllegalStateException("an input without its columns");
        }
        switch (draw.below(7)) {
            case 0 -> firstRows(relation, !relation.time.isEmpty());
            case 1 -> userCode(relation, draw.oneOf("counts", "countsFromState"));
            case 2 -> userCode(relation, draw.oneOf("remaindersOfProcessor", "remaindersOfProcessorFromState"));
            case 3 -> {
                return join(relation, !relation.time.isEmpty());
            }
            default -> aggregation(relation);
        }
        return relation;
    }

    private Relation complete() {
        Relation relation = input(draw.onceIn(2));
        aggregation(relation);
        int keys = keyCount;
        keyCount = Query.ALL_ROWS;
        // Lists are no order for windows of equal rows; keys are unique, so their order is one.
        if (keys > 0 && draw.onceIn(2)) {
            isOrdered = true;
            relation.step = relation.step.sort(relation.names().subList(0, keys));
            if (draw.onceIn(2)) {
                relation.step = relation.step.limit(draw.between(1, 9));
            }
        } else if (draw.onceIn(3)) {
            limit(relation);
        }
        return relation;
    }

    private Relation input(boolean isTimed) {
        if (draw.onceIn(5)) {
            boolean isEachTimed = isTimed && draw.onceIn(2);
            Relation left = branch(isEachTimed, 0);
            Relation right = branch(isEachTimed, draw.onceIn(2) ? 0 : 1);
            left.keep(List.of("k", "ts", "v", "n"));
            right.keep(List.of("k", "ts", "v", "n"));
            left.step = left.step.union(right.step);
            if (isTimed && !isEachTimed) {
                watermark(left);
            }
            return left;
        }
        return branch(isTimed, 0);
    }

    /** A source with some steps behind it; its watermark among them unless it is to stand further down. */
    private Relation branch(boolean isTimed, int source) {
        sources = Math.max(sources, source + 1);
        Relation relation = new Relation(Step.source(source), sourceColumns);
        stateless(relation, 2);
        if (draw.onceIn(4)) {
            observe(relation);
        }
        if (isTimed) {
            watermark(relation);
            stateless(relation, 1);
        }
        return relation;
    }

    /** Of rows that come from the source: what operators with state let pass, and when, is no one's in particular. */
    private void observe(Relation relation) {
        List<String> functions = List.of(
                "count(1) as rows",
                "count(k) as keys",
                "sum(v) as sum",
                "count_if(ts is null) as untimed",
                "sum(n * 2) as doubled",
                "max(v) as max_v",
                "max(n) as max_n");
        relation.step = relation.step.observe("metrics" + names++, draw.some(functions, draw.between(1, 4)));
    }

    private void watermark(Relation relation) {
        if (draw.onceIn(4)) {
            derivedTime(relation);
        }
        String delay = isIdle ? "3 hours" : draw.oneOf("10 seconds", "25 seconds");
        relation.step = relation.step.watermark("ts", delay);
        relation.time = "ts";
        relation.hasWatermark = true;
    }

    /** Another event time, no more out of order than a delay allows for. */
    private void derivedTime(Relation relation) {
        String time = draw.oneOf(
                "date_trunc('second', ts)",
                "ts + interval 90 seconds",
                "cast(cast(ts as string) as timestamp)",
                "timestamp_millis(unix_millis(ts))");
        List<String> columns = new ArrayList<>(relation.names());
        columns.replaceAll(name -> name.equals("ts") ? time + " as ts" : name);
        relation.step = relation.step.select(columns);
    }

    private void stateless(Relation relation, int most) {
        for (int i = draw.below(most + 1); i > 0; i--) {
            switch (draw.below(5)) {
                case 0, 1 -> filter(relation);
                case 2 -> column(relation);
                case 3 -> explode(relation);
                default -> staticJoin(relation);
            }
        }
    }

    private void filter(Relation relation) {
        String condition = Expressions.condition(draw, relation.plain());
        if (!relation.passing.isEmpty()) {
            relation.step = relation.step.filter("(" + condition + ") or " + relation.passing);
        } else if (relation.isStateful) {
            // Such a filter stays behind the operator, so it keeps no row from moving the watermark.
            Map<String, Kind> computed = relation.plain();
            computed.keySet().removeIf(name -> !name.startsWith("f"));
            if (!computed.isEmpty()) {
                relation.step = relation.step.filter(Expressions.condition(draw, computed));
            }
        }
    }

    private void column(Relation relation) {
        Expressions.Typed value = Expressions.value(draw, relation.plain());
        String name = "c" + names++;
        Map<String, Kind> columns = new LinkedHashMap<>(relation.columns);
        columns.put(name, value.kind());
        relation.select(List.of("*", value.text() + " as " + name), columns);
    }

    private void explode(Relation relation) {
        for (Map.Entry<String, Kind> column : Map.copyOf(relation.columns).entrySet()) {
            if (column.getValue() == Kind.LIST && column.getKey().equals("xs")) {
                String name = "x" + names++;
                Map<String, Kind> columns = new LinkedHashMap<>(relation.columns);
                columns.put(name, Kind.LONG);
                String function = draw.oneOf("explode", "explode_outer");
                relation.select(List.of("*", function + "(xs) as " + name), columns);
            }
        }
    }

    private void staticJoin(Relation relation) {
        if (!relation.has("k") || relation.passing.isEmpty()) {
            return;
        }
        String id = "id" + names++;
        String type = draw.oneOf("inner", "left_outer", "left_semi", "left_anti");
        relation.step = relation.step.joinStatic(id, "k = " + id, type, !type.equals("left_anti"));
        if (!type.startsWith("left_s") && !type.equals("left_anti")) {
            relation.columns.put(id, Kind.LONG);
            relation.columns.put(id + "_squared", Kind.LONG);
        }
    }

    /** Groups of windows of the event time, in append mode. */
    private void windows(Relation relation) {
        // Spark streams no sessions without a key beside them, and they want the time to be certain.
        boolean isSession = relation.has("k") && !relation.isCoarse && draw.onceIn(3);
        String window = draw.oneOf(isSession ? SESSIONS : WINDOWS);
        List<String> keys = new ArrayList<>(List.of(window + " as w"));
        Map<String, Kind> columns = new LinkedHashMap<>(Map.of("w", Kind.WINDOW));
        Map<String, Kind> plain = relation.plain();
        if (relation.has("k") && (isSession || draw.onceIn(2))) {
            keys.add("k");
            columns.put("k", Kind.LONG);
        }
        group(relation, keys, columns, plain, true);
        relation.time = isSession ? "" : "w";
        relation.isCoarse = false;
    }

    private void windowsAgain(Relation relation) {
        Map<String, Kind> plain = new LinkedHashMap<>(relation.columns);
        plain.remove("w");
        plain = plain.isEmpty() ? relation.columns : plain;
        switch (draw.below(4)) {
            case 0 -> group(relation, List.of("w"), Map.of("w", Kind.WINDOW), plain, true);
            case 1 ->
                group(
                        relation,
                        List.of("window(window_time(w), '1 minute') as w"),
                        Map.of("w", Kind.WINDOW),
                        plain,
                        true);
            case 2 -> group(relation, List.of("window(w, '2 minutes') as w"), Map.of("w", Kind.WINDOW), plain, true);
            default -> {
                relation.keep(List.of("w"));
                relation.step = relation.step.firstRows(List.of("w"));
                relation.passing = "";
                relation.stateful(true);
            }
        }
    }

    /**
     * Groups by the event time itself. A group without one is never given by a stream in append mode, whose
     * watermark does not pass it; so the query leaves it out.
     */
    private void byTime(Relation relation) {
        relation.step = relation.step.filter("ts is not null");
        group(relation, List.of("ts"), Map.of("ts", Kind.TIME), relation.plain(), true);
        relation.step = relation.step.withStepBefore();
    }

    private void group(
            Relation relation,
            List<String> keys,
            Map<String, Kind> keyColumns,
            Map<String, Kind> plain,
            boolean drops) {
        List<String> functions = new ArrayList<>();
        Map<String, Kind> columns = new LinkedHashMap<>(keyColumns);
        for (int i = draw.between(1, 3); i > 0; i--) {
            Expressions.Typed function = Expressions.function(draw, plain);
            String name = "f" + names++;
            functions.add(function.text() + " as " + name);
            columns.put(name, function.kind());
        }
        relation.step = relation.step.group(keys, functions);
        relation.columns = columns;
        relation.passing = columns.containsKey("k") ? "k > 7000000" : "";
        relation.stateful(drops);
    }

    /** Any groups, in update or complete mode. The last row of each key counts, so nothing is filtered behind it. */
    private void aggregation(Relation relation) {
        List<String> keys = new ArrayList<>();
        Map<String, Kind> columns = new LinkedHashMap<>();
        boolean bySession = mode.equals("complete") && draw.onceIn(4);
        boolean byWindow = !bySession && draw.onceIn(3);
        if (bySession) {
            // Spark streams no sessions without a key beside them.
            keys.addAll(List.of(draw.oneOf(SESSIONS) + " as w", "k"));
            columns.put("w", Kind.WINDOW);
            columns.put("k", Kind.LONG);
        } else if (byWindow) {
            keys.add(draw.oneOf("window(ts, '30 seconds')", "window(ts, '20 seconds', '10 seconds')") + " as w");
            columns.put("w", Kind.WINDOW);
        }
        for (String key : draw.some(List.copyOf(relation.columns.keySet()), draw.below(3))) {
            if (!key.equals("n") && !key.equals("ts") && !keys.contains(key)) {
                keys.add(key);
                columns.put(key, relation.columns.get(key));
            }
        }
        boolean drops = (bySession || byWindow && mode.equals("update")) && !relation.time.isEmpty();
        group(relation, keys, columns, relation.plain(), drops);
        keyCount = keys.size();
    }

    /** First rows by columns that are all that is kept, so that it does not matter which of them is first. */
    private void firstRows(Relation relation, boolean byTime) {
        List<String> others = new ArrayList<>(relation.names());
        others.removeAll(List.of("ts", "k", "n", "v"));
        List<String> keys = new ArrayList<>(List.of("k"));
        keys.addAll(draw.some(others, draw.below(3)));
        if (draw.onceIn(2)) {
            keys.add("v");
        }
        if (byTime) {
            keys.add("ts");
        }
        relation.keep(keys);
        if (!draw.onceIn(3) || mode.equals("append") && byTime && relation.isStateful) {
            relation.step = relation.step.firstRows(keys);
        } else {
            relation.step = relation.step.distinct();
        }
        relation.step = relation.step.withStepBefore();
        relation.stateful(byTime);
        if (byTime && relation.has("v")) {
            relation.columns.put("n", Kind.LONG);
            relation.step = relation.step.select(List.of("*", "v as n"));
        }
        relation.time = byTime ? "ts" : "";
    }

    /**
     * A key's rows all lie in ten seconds, which is no more than the delay: so the first of them is still
     * remembered when the last one comes. Which one is first is not certain, nor its time.
     */
    private void firstRowsWithin(Relation relation) {
        relation.step = relation.step.filter("ts is not null");
        List<String> keys = List.of("k", "bucket");
        Map<String, Kind> columns = new LinkedHashMap<>();
        columns.put("k", Kind.LONG);
        columns.put("ts", Kind.TIME);
        columns.put("bucket", Kind.TIME);
        relation.select(List.of("k", "ts", "timestamp_seconds(unix_seconds(ts) div 10 * 10) as bucket"), columns);
        relation.step =
                relation.step.withStepBefore().firstRowsWithinWatermark(keys).withStepBefore();
        relation.passing = "k > 7000000";
        relation.stateful(true);
        relation.isCoarse = true;
        if (draw.onceIn(2)) {
            relation.keep(keys);
            relation.step = relation.step.withStepBefore();
            relation.time = "";
            relation.isCoarse = false;
        }
    }

    private Relation join(Relation left, boolean isTimed) {
        int other = draw.onceIn(3) ? 0 : 1;
        Relation right = branch(isTimed, other);
        boolean isUpdate = mode.equals("update");
        String type = !isTimed
                ? "inner"
                : isUpdate
                        ? draw.oneOf("inner", "left_semi")
                        : draw.oneOf("inner", "left_outer", "right_outer", "full_outer", "left_semi");
        String keys = draw.oneOf(JOIN_KEYS);
        // Where no time can be both, Spark lets no row come as far as the watermark.
        List<String> bounds = keys.contains("lts = rts") ? TIME_BOUNDS.subList(0, 2) : TIME_BOUNDS;
        String condition = keys + (isTimed ? draw.oneOf(bounds) : "") + draw.oneOf(MORE_CONDITIONS);
        boolean isOuter = type.endsWith("outer");
        renamed(left, "l", isOuter);
        renamed(right, "r", isOuter);
        left.step = left.step.join(right.step, condition, type);
        left.isStateful = false;
        left.stateful(isTimed);
        if (!type.equals("left_semi")) {
            left.columns.putAll(right.columns);
        }
        left.passing = "";
        if (isTimed && !type.equals("full_outer") && !isUpdate && draw.onceIn(2)) {
            String side = type.equals("right_outer") ? "r" : "l";
            Map<String, Kind> columns = new LinkedHashMap<>();
            columns.put("k", Kind.LONG);
            columns.put("ts", Kind.TIME);
            columns.put("v", Kind.LONG);
            columns.put("n", Kind.LONG);
            String value = type.equals("left_semi") ? "lv" : "coalesce(lv, 0) + coalesce(rv, 0)";
            left.select(List.of(side + "k as k", side + "ts as ts", value + " as v", side + "n as n"), columns);
            left.passing = "n < 0";
            left.time = "ts";
        } else {
            left.time = "";
        }
        return left;
    }

    /** A row without an event time never leaves the state, and so is never given as one without a match. */
    private static void renamed(Relation relation, String prefix, boolean needsTime) {
        if (needsTime) {
            relation.step = relation.step.filter("ts is not null");
        }
        List<String> expressions = new ArrayList<>();
        Map<String, Kind> columns = new LinkedHashMap<>();
        for (String name : List.of("k", "ts", "v", "n")) {
            expressions.add(name + " as " + prefix + name);
            columns.put(prefix + name, relation.columns.get(name));
        }
        relation.select(expressions, columns);
        relation.step = needsTime ? relation.step.withStepBefore() : relation.step;
    }

    /** Which rows a limit gives is anyone's choice; how many is not. */
    private void limit(Relation relation) {
        relation.step = relation.step.limit(draw.between(1, 40));
        relation.select(List.of("1 as one"), Map.of("one", Kind.INT));
        relation.step = relation.step.withStepBefore();
        relation.stateful(false);
        isCounted = true;
    }

    private void userCode(Relation relation, String name) {
        KeyedSteps.add(relation, name);
        keyCount = name.startsWith("counts") ? 1 : keyCount;
    }
}
