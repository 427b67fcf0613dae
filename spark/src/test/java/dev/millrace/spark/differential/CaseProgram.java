package dev.millrace.spark.differential;

import java.math.BigDecimal;
import java.sql.Date;
import java.sql.Timestamp;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;

/** A case as a program in Java that replays it, its rows included. To be put beside this class. */
final class CaseProgram {
    private final Way way;
    private final Case shown;

    CaseProgram(Way way, Case shown) {
        this.way = way;
        this.shown = shown;
    }

    String text() {
        StringBuilder text = new StringBuilder();
        text.append("package dev.millrace.spark.differential;\n\n");
        text.append("import static org.apache.spark.sql.functions.*;\n");
        text.append("import java.math.BigDecimal;\nimport java.sql.*;\nimport java.util.*;\n");
        text.append("import org.apache.spark.sql.*;\nimport org.apache.spark.sql.types.StructType;\n\n");
        text.append("class Replay {\n");
        text.append("    public static void main(String[] arguments) throws Exception {\n");
        text.append("        var spark = Differential.Place.of(Way.%s).session();%n".formatted(way));
        for (int i = 0; i < shown.tables().size(); i++) {
            appendTable(text, i);
        }
        appendOperator(text, "stream", shown.query().top().toJava(false));
        appendOperator(text, "table", shown.query().top().toJava(true));
        List<Step.Observed> observed = shown.query().top().allObserved();
        for (int i = 0; i < observed.size(); i++) {
            appendOperator(text, "observed" + i, observed.get(i).rows().toJava(true));
        }
        appendRun(text);
        return text.append("    }\n}\n").toString();
    }

    private void appendOperator(StringBuilder text, String name, String code) {
        text.append("        Step.Operator ").append(name).append(" = sources -> {\n");
        for (int i = 0; i < shown.tables().size(); i++) {
            text.append("            Dataset<Row> source%d = sources.get(%d);\n".formatted(i, i));
        }
        text.append("            return ")
                .append(code.replace("\n", "\n            "))
                .append(";\n        };\n");
    }

    private void appendTable(StringBuilder text, int index) {
        EventTable table = shown.tables().get(index);
        text.append(
                "        var schema%d = StructType.fromDDL(%s);%n".formatted(index, Step.quoted(ddl(table.schema()))));
        text.append("        var table%d = new EventTable(schema%d, List.of(".formatted(index, index));
        String partitions = table.partitions().stream().map(CaseProgram::rows).collect(Collectors.joining(","));
        text.append(partitions).append("));\n");
    }

    /** Without comments and the like. */
    private static String ddl(StructType schema) {
        return Arrays.stream(schema.fields())
                .map(field -> field.name() + " " + field.dataType().sql() + (field.nullable() ? "" : " NOT NULL"))
                .collect(Collectors.joining(", "));
    }

    private static String rows(List<Row> rows) {
        return "\n            List.of(" + rows.stream().map(CaseProgram::row).collect(Collectors.joining(",")) + ")";
    }

    private static String row(Row row) {
        StringBuilder text = new StringBuilder("\n                RowFactory.create(");
        for (int i = 0; i < row.length(); i++) {
            text.append(i == 0 ? "" : ", ").append(value(row.get(i)));
        }
        return text.append(")").toString();
    }

    private static String value(Object value) {
        if (value instanceof Long number) {
            return number + "L";
        }
        if (value instanceof String string) {
            return Step.quoted(string);
        }
        if (value instanceof Timestamp time) {
            return "new Timestamp(" + time.getTime() + "L)";
        }
        if (value instanceof Date day) {
            return "Date.valueOf(\"" + day + "\")";
        }
        if (value instanceof BigDecimal decimal) {
            return "new BigDecimal(\"" + decimal + "\")";
        }
        if (value instanceof Double fraction) {
            return "Double.parseDouble(\"" + fraction + "\")";
        }
        if (value instanceof List<?> list) {
            return "List.of(" + list.stream().map(CaseProgram::value).collect(Collectors.joining(", ")) + ")";
        }
        return String.valueOf(value);
    }

    private String observed() {
        List<Step.Observed> observed = shown.query().top().allObserved();
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < observed.size(); i++) {
            String functions =
                    observed.get(i).functions().stream().map(Step::quoted).collect(Collectors.joining(", "));
            text.append(", new Step.Observed(%s, List.of(%s), Step.ofSources(%d, observed%d, observed%d))"
                    .formatted(
                            Step.quoted(observed.get(i).name()),
                            functions,
                            shown.query().sourceCount(),
                            i,
                            i));
        }
        return text.toString();
    }

    private void appendRun(StringBuilder text) {
        Query query = shown.query();
        String phases = shown.phases().stream()
                .map(phase -> "List.of("
                        + phase.stream()
                                .map(counts -> "new int[] "
                                        + Arrays.toString(counts)
                                                .replace('[', '{')
                                                .replace(']', '}'))
                                .collect(Collectors.joining(", "))
                        + ")")
                .collect(Collectors.joining(", "));
        String between =
                shown.between().stream().map(event -> "Case.Event." + event).collect(Collectors.joining(", "));
        String settings = shown.settings().entrySet().stream()
                .map(entry -> Step.quoted(entry.getKey()) + ", " + Step.quoted(entry.getValue()))
                .collect(Collectors.joining(", "));
        text.append(
                """
                        // %s mode; rows behind the watermark are %s.
                        var replay = new Case(
                                %dL,
                                new Query(Step.ofSources(%d, stream, table%s), %d, "%s", %d, %b, %b, %b, %b),
                                List.of(%s),
                                Map.of(%s),
                                List.of(%s),
                                List.of(%s));
                        System.out.println(Way.%s.difference(spark, replay, 5_000));
                """
                        .formatted(
                                query.mode(),
                                query.dropsLateRows() ? "dropped" : "taken",
                                shown.seed(),
                                query.sourceCount(),
                                observed(),
                                query.sourceCount(),
                                query.mode(),
                                query.keyCount(),
                                query.isOrdered(),
                                query.isCounted(),
                                query.hasWatermark(),
                                query.dropsLateRows(),
                                java.util.stream.IntStream.range(
                                                0, shown.tables().size())
                                        .mapToObj(i -> "table" + i)
                                        .collect(Collectors.joining(", ")),
                                settings,
                                phases,
                                between,
                                way));
    }
}
