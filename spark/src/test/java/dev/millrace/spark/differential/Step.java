package dev.millrace.spark.differential;

import static org.apache.spark.sql.functions.expr;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * One step of a query, over streams or over tables.
 *
 * @param code the step in Java, with {@code %s} in place of each input
 * @param tableCode the same for a table
 * @param asStream what a stream gets
 * @param asTable what the table gets that the stream is compared with; another one where a batch means
 *     something else
 * @param observed what is observed of rows that pass here
 */
record Step(
        String code,
        String tableCode,
        List<Step> inputs,
        Operator asStream,
        Operator asTable,
        List<Observed> observed) {
    /**
     * Metrics that {@code observe()} gives under a name.
     *
     * @param rows what they are made of, as a table
     */
    record Observed(String name, List<String> functions, Step rows) {}

    Step(String code, String tableCode, List<Step> inputs, Operator asStream, Operator asTable) {
        this(code, tableCode, inputs, asStream, asTable, List.of());
    }

    /** Makes a dataset of a step's inputs. */
    @FunctionalInterface
    interface Operator {
        Dataset<Row> apply(List<Dataset<Row>> inputs);
    }

    private static final String SOURCE = "source";

    static Step source(int index) {
        Operator none = inputs -> {
            throw new AssertionError("a source is no operator");
        };
        return new Step(SOURCE + index, SOURCE + index, List.of(), none, none);
    }

    /** One step over all sources. */
    static Step ofSources(int count, Operator asStream, Operator asTable, Observed... observed) {
        List<Step> sources = java.util.stream.IntStream.range(0, count)
                .mapToObj(Step::source)
                .toList();
        return new Step("query", "query", sources, asStream, asTable, List.of(observed));
    }

    private Step then(String call, Operator both) {
        return new Step("%s" + call, "%s" + call, List.of(this), both, both);
    }

    Step filter(String condition) {
        return then(
                ".filter(" + quoted(condition) + ")", inputs -> inputs.get(0).filter(condition));
    }

    Step select(List<String> columns) {
        return then(".selectExpr(" + quoted(columns) + ")", inputs -> inputs.get(0)
                .selectExpr(columns.toArray(new String[0])));
    }

    /** Changes no row. */
    Step observe(String name, List<String> functions) {
        List<Column> columns =
                functions.stream().map(org.apache.spark.sql.functions::expr).toList();
        Operator observe = inputs -> inputs.get(0)
                .observe(
                        name, columns.get(0), columns.subList(1, columns.size()).toArray(new Column[0]));
        String code = "%s.observe(" + quoted(name) + ", " + expressions(functions) + ")";
        return new Step(
                code, "%s", List.of(this), observe, in -> in.get(0), List.of(new Observed(name, functions, this)));
    }

    Step watermark(String column, String delay) {
        return then(".withWatermark(%s, %s)".formatted(quoted(column), quoted(delay)), inputs -> inputs.get(0)
                .withWatermark(column, delay));
    }

    Step group(List<String> keys, List<String> functions) {
        String call = ".groupBy(%s).agg(%s)".formatted(expressions(keys), expressions(functions));
        return then(call, inputs -> {
            List<Column> columns =
                    functions.stream().map(org.apache.spark.sql.functions::expr).toList();
            return inputs.get(0)
                    .groupBy(keys.stream()
                            .map(org.apache.spark.sql.functions::expr)
                            .toArray(Column[]::new))
                    .agg(columns.get(0), columns.subList(1, columns.size()).toArray(new Column[0]));
        });
    }

    Step distinct() {
        return then(".distinct()", inputs -> inputs.get(0).distinct());
    }

    Step firstRows(List<String> columns) {
        String[] names = columns.toArray(new String[0]);
        return then(".dropDuplicates(new String[] {" + quoted(columns) + "})", inputs -> inputs.get(0)
                .dropDuplicates(names));
    }

    /** Batches have no such thing; where each key's rows lie within the delay, it is the first row of each. */
    Step firstRowsWithinWatermark(List<String> columns) {
        String[] names = columns.toArray(new String[0]);
        return new Step(
                "%s.dropDuplicatesWithinWatermark(new String[] {" + quoted(columns) + "})",
                "%s.dropDuplicates(new String[] {" + quoted(columns) + "})",
                List.of(this),
                inputs -> inputs.get(0).dropDuplicatesWithinWatermark(names),
                inputs -> inputs.get(0).dropDuplicates(names));
    }

    Step limit(int count) {
        return then(".limit(" + count + ")", inputs -> inputs.get(0).limit(count));
    }

    Step sort(List<String> columns) {
        Column[] order =
                columns.stream().map(org.apache.spark.sql.functions::col).toArray(Column[]::new);
        List<String> code =
                columns.stream().map(Step::quoted).map("col(%s)"::formatted).toList();
        return then(".orderBy(" + String.join(", ", code) + ")", inputs -> inputs.get(0)
                .orderBy(order));
    }

    Step union(Step other) {
        Operator union = inputs -> inputs.get(0).unionByName(inputs.get(1));
        String code = "%s.unionByName(%s)";
        return new Step(code, code, List.of(this, other), union, union);
    }

    Step join(Step other, String condition, String type) {
        Operator join = inputs -> inputs.get(0).join(inputs.get(1), expr(condition), type);
        String code = "%s.join(%s, expr(" + quoted(condition) + "), " + quoted(type) + ")";
        return new Step(code, code, List.of(this, other), join, join);
    }

    /** A join with a table of the numbers below 12 and, where asked for, of all keys that pass every filter. */
    Step joinStatic(String id, String condition, String type, boolean withPassingKeys) {
        String call = "Statics.join(%%s, %s, %b, %s, %s)"
                .formatted(quoted(id), withPassingKeys, quoted(condition), quoted(type));
        Operator both = inputs -> Statics.join(inputs.get(0), id, withPassingKeys, condition, type);
        return new Step(call, call, List.of(this), both, both);
    }

    /** User code; see {@link KeyedSteps}. */
    Step code(String name, String tableName, Operator asStream, Operator asTable) {
        String call = "KeyedSteps.apply(%s, %%s)";
        return new Step(
                call.formatted(quoted(name)), call.formatted(quoted(tableName)), List.of(this), asStream, asTable);
    }

    /** This step and the one before as one, where either without the other would have another answer. */
    Step withStepBefore() {
        Step before = inputs.get(0);
        if (before.inputs.isEmpty() || !before.observed.isEmpty()) {
            return this;
        }
        return new Step(
                code.replace("%s", before.code),
                tableCode.replace("%s", before.tableCode),
                before.inputs,
                in -> asStream.apply(List.of(before.asStream.apply(in))),
                in -> asTable.apply(List.of(before.asTable.apply(in))));
    }

    /** The dataset over datasets of the sources. */
    Dataset<Row> over(List<Dataset<Row>> sources, boolean isTable) {
        if (inputs.isEmpty()) {
            return sources.get(sourceIndex());
        }
        List<Dataset<Row>> made = new ArrayList<>();
        for (Step input : inputs) {
            made.add(input.over(sources, isTable));
        }
        return (isTable ? asTable : asStream).apply(made);
    }

    private int sourceIndex() {
        return Integer.parseInt(code.substring(SOURCE.length()));
    }

    /** Each step on a line of its own. */
    String toJava(boolean isTable) {
        List<String> texts = inputs.stream().map(input -> input.toJava(isTable)).toList();
        String own = isTable ? tableCode : code;
        String pattern = own.startsWith("%s.") ? "%s\n    " + own.substring(2) : own;
        StringBuilder text = new StringBuilder();
        int next = 0;
        for (int from = 0; from < pattern.length(); ) {
            int at = next < texts.size() ? pattern.indexOf("%s", from) : -1;
            if (at < 0) {
                text.append(pattern, from, pattern.length());
                break;
            }
            text.append(pattern, from, at).append(texts.get(next++));
            from = at + 2;
        }
        return text.toString();
    }

    /** All that is observed, here and in the steps before. */
    List<Observed> allObserved() {
        List<Observed> all = new ArrayList<>(observed);
        inputs.forEach(input -> all.addAll(input.allObserved()));
        return all;
    }

    /** How many steps, the sources among them. */
    int size() {
        return 1 + inputs.stream().mapToInt(Step::size).sum();
    }

    /** All queries that are this one without one of its steps. */
    List<Step> smaller() {
        List<Step> smaller = new ArrayList<>(inputs);
        for (int i = 0; i < inputs.size(); i++) {
            for (Step replacement : inputs.get(i).smaller()) {
                List<Step> changed = new ArrayList<>(inputs);
                changed.set(i, replacement);
                smaller.add(with(changed));
            }
        }
        return smaller;
    }

    /** What is observed of the one input is so of the new one. */
    private Step with(List<Step> newInputs) {
        List<Observed> moved = observed.stream()
                .map(metrics -> new Observed(metrics.name(), metrics.functions(), newInputs.get(0)))
                .toList();
        return new Step(code, tableCode, newInputs, asStream, asTable, moved);
    }

    static String quoted(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    private static String quoted(List<String> texts) {
        return String.join(", ", texts.stream().map(Step::quoted).toList());
    }

    private static String expressions(List<String> texts) {
        return String.join(
                ", ",
                texts.stream().map(Step::quoted).map("expr(%s)"::formatted).toList());
    }
}
