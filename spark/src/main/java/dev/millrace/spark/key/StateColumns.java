package dev.millrace.spark.key;

import dev.millrace.engine.snapshot.StateSchema;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataType$;
import org.apache.spark.sql.types.Metadata;
import org.apache.spark.sql.types.StructType;

/**
 * The columns of keyed state as a checkpoint holds them: Spark's own JSON of a struct, whose columns may all be null and
 * have names of their own.
 */
public final class StateColumns {
    private static final StructType NONE = new StructType();

    private StateColumns() {}

    /** A state with entries without sub-keys. */
    public static StateSchema schema(
            int index, String name, StateSchema.Kind kind, List<? extends Expression> key, StructType value) {
        return schema(index, name, kind, of(key), NONE, value);
    }

    public static StateSchema schema(
            int index, String name, StateSchema.Kind kind, StructType key, StructType subKey, StructType value) {
        return new StateSchema(index, name, kind, text(key), text(subKey), text(value));
    }

    /** The columns of expressions: by their names where they have one, else by their number. */
    public static StructType of(List<? extends Expression> expressions) {
        StructType columns = new StructType();
        for (int i = 0; i < expressions.size(); i++) {
            Expression expression = expressions.get(i);
            String name = expression instanceof NamedExpression named ? named.name() : "field" + i;
            columns = columns.add(name, expression.dataType());
        }
        return columns;
    }

    private static String text(StructType columns) {
        Set<String> taken = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
        StructType free = new StructType();
        for (var column : columns.fields()) {
            String name = column.name();
            for (int number = 2; !taken.add(name); number++) {
                name = column.name() + number;
            }
            free = free.add(name, column.dataType().asNullable(), true, Metadata.empty());
        }
        return free.json();
    }

    /** The columns of a key, a sub-key or a value. */
    public static StructType parse(String text) {
        return (StructType) DataType.fromJson(text);
    }

    /** Whether rows of the one can be read as rows of the other: fields may have other names, and nulls where there were none. */
    public static boolean isReadAs(StructType before, StructType now) {
        return DataType$.MODULE$.equalsIgnoreNameAndCompatibleNullability(before, now);
    }

    /** Whether entries of the one can be read as entries of the other. */
    public static boolean isReadAs(StateSchema before, StateSchema now) {
        return before.index() == now.index()
                && before.kind() == now.kind()
                && isReadAs(parse(before.key()), parse(now.key()))
                && isReadAs(parse(before.subKey()), parse(now.subKey()))
                && isReadAs(parse(before.value()), parse(now.value()));
    }

    /** A state as people read it. */
    public static String describe(StateSchema state) {
        StringBuilder text = new StringBuilder(state.name()).append(": ").append(state.kind());
        describe(text, " key ", state.key());
        describe(text, " to ", state.subKey());
        describe(text, " value ", state.value());
        return text.toString();
    }

    private static void describe(StringBuilder text, String word, String columns) {
        StructType parsed = parse(columns);
        if (!parsed.isEmpty()) {
            text.append(word).append(parsed.catalogString());
        }
    }
}
