package dev.millrace.spark.json;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.JsonToStructs;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression$;
import org.apache.spark.sql.catalyst.plans.logical.Filter;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * Lets a text that a filter and the projection over it both read as JSON be read once. Spark's optimiser makes two of a
 * query's one {@code from_json} when it moves a filter of a field below it, and prunes the filter's to that field. Here a
 * projection below the filter reads the fields of all of them; each is then a view of that row ({@link JsonView}), or reads
 * for itself where the text is not plain, so that each gives what it gave alone.
 *
 * <p>Only of a column's texts: anything else could fail where the filter's first conditions spared it.
 *
 * <p>Thread: the query's.
 */
final class JsonOnce {
    private final Project above;
    private final Filter filter;
    private final SQLConf conf;

    private JsonOnce(Project above, Filter filter, SQLConf conf) {
        this.above = above;
        this.filter = filter;
        this.conf = conf;
    }

    /** Rewrites what it can in the streaming nodes of a plan, before {@link FastJson} replaces the rest. */
    static LogicalPlan rewriteIn(LogicalPlan plan, SQLConf conf) {
        return (LogicalPlan) plan.transform(Scala.<LogicalPlan>rule(
                node -> node.isStreaming() && node instanceof Project project && project.child() instanceof Filter,
                node -> {
                    Project project = (Project) node;
                    return new JsonOnce(project, (Filter) project.child(), conf).rewritten();
                }));
    }

    private LogicalPlan rewritten() {
        List<JsonToStructs> ofFilter = readings(filter.condition());
        List<JsonToStructs> all = new ArrayList<>(ofFilter);
        Scala.<Expression>list(above.expressions()).forEach(part -> all.addAll(readings(part)));
        List<NamedExpression> below =
                new ArrayList<>(Scala.<Attribute>list(filter.child().output()));
        int columns = below.size();
        Map<JsonToStructs, Expression> views = new IdentityHashMap<>();
        for (JsonToStructs first : ofFilter) {
            if (!views.containsKey(first)) {
                share(all.stream().filter(other -> isOfSameText(first, other)).toList(), below, views);
            }
        }
        if (below.size() == columns) {
            return above;
        }
        Expression condition = viewed(filter.condition(), views);
        List<NamedExpression> projections = new ArrayList<>();
        for (Expression projection : Scala.<Expression>list(Scala.cast(above.projectList()))) {
            projections.add((NamedExpression) viewed(projection, views));
        }
        below.removeIf(
                column -> column instanceof Attribute && !isAskedFor((Attribute) column, condition, projections));
        LogicalPlan reading = new Project(Scala.seq(below), filter.child());
        return new Project(Scala.seq(projections), new Filter(condition, reading));
    }

    /** A column of which only the text is read need not go further than that. */
    private static boolean isAskedFor(Attribute column, Expression condition, List<NamedExpression> projections) {
        return condition.references().contains(column)
                || projections.stream()
                        .anyMatch(part -> ((Expression) part).references().contains(column));
    }

    private List<JsonToStructs> readings(Expression expression) {
        List<JsonToStructs> found = new ArrayList<>();
        expression.foreach(part -> {
            if (part instanceof JsonToStructs json
                    && isColumnsText(json.child())
                    && JsonReader.of(json, conf.columnNameOfCorruptRecord()) != null) {
                found.add(json);
            }
            return scala.runtime.BoxedUnit.UNIT;
        });
        return found;
    }

    private static boolean isColumnsText(Expression text) {
        return text instanceof AttributeReference
                || (text instanceof Cast cast
                        && cast.child() instanceof AttributeReference column
                        && column.dataType() instanceof BinaryType
                        && cast.dataType() instanceof StringType);
    }

    private static boolean isOfSameText(JsonToStructs one, JsonToStructs other) {
        return one.child().semanticEquals(other.child())
                && one.options().equals(other.options())
                && one.timeZoneId().equals(other.timeZoneId())
                && one.variantAllowDuplicateKeys() == other.variantAllowDuplicateKeys();
    }

    /** Adds text and row to what is read {@code below}, and the views of it that take the places of {@code readings}. */
    private void share(
            List<JsonToStructs> readings, List<NamedExpression> below, Map<JsonToStructs, Expression> views) {
        StructType schema = readings.size() < 2 ? null : union(readings);
        if (schema == null) {
            return;
        }
        JsonToStructs any = readings.get(0);
        JsonToStructs whole =
                any.copy(schema, any.options(), any.child(), any.timeZoneId(), any.variantAllowDuplicateKeys());
        JsonReader reader = JsonReader.of(whole, conf.columnNameOfCorruptRecord());
        if (reader == null) {
            return;
        }
        NamedExpression text = any.child() instanceof Attribute column ? column : alias(any.child(), "text");
        if (text instanceof Alias) {
            below.add(text);
        }
        NamedExpression row = alias(FastJson.call(reader, "plain", schema, List.of(any.child()), true), "json");
        below.add(row);
        for (JsonToStructs reading : readings) {
            StructType own = (StructType) reading.dataType();
            JsonReader alone = Objects.requireNonNull(JsonReader.of(reading, conf.columnNameOfCorruptRecord()));
            List<Expression> arguments = List.of((Expression) text.toAttribute(), (Expression) row.toAttribute());
            views.put(reading, FastJson.call(new JsonView(alone, own, schema), "evaluate", own, arguments, false));
        }
    }

    private static NamedExpression alias(Expression expression, String name) {
        return new Alias(
                expression,
                name,
                NamedExpression$.MODULE$.newExprId(),
                Scala.emptySeq(),
                Scala.none(),
                Scala.emptySeq());
    }

    /** The fields of all, or null where a name stands for two types. */
    private static @Nullable StructType union(List<JsonToStructs> readings) {
        Map<String, StructField> fields = new LinkedHashMap<>();
        // The widest first, so that its view is the row itself.
        List<StructType> schemas = new ArrayList<>();
        readings.forEach(reading -> schemas.add((StructType) reading.dataType()));
        schemas.sort((a, b) -> Integer.compare(b.length(), a.length()));
        for (StructType schema : schemas) {
            for (StructField field : schema.fields()) {
                StructField known = fields.putIfAbsent(field.name(), field);
                if (known != null && !known.equals(field)) {
                    return null;
                }
            }
        }
        return new StructType(fields.values().toArray(new StructField[0]));
    }

    private static Expression viewed(Expression expression, Map<JsonToStructs, Expression> views) {
        return Scala.cast(expression.transformDown(Scala.<Expression>rule(
                part -> part instanceof JsonToStructs json && views.containsKey(json),
                part -> Objects.requireNonNull(views.get((JsonToStructs) part)))));
    }
}
