package dev.millrace.spark.function;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.function.StateVariable.Kind;
import dev.millrace.spark.function.StateVariable.Shape;
import dev.millrace.spark.key.StateColumns;
import java.nio.charset.StandardCharsets;
import org.apache.spark.sql.types.StructType;

/**
 * What a snapshot says of a state variable beside its entries.
 *
 * <p>Layout of an entry: the variable's name as key; as value four lines, the number of its state, what it is, and the
 * columns of a map's keys and of values, in Spark's JSON.
 */
public final class VariableDescription {
    private final String name;
    private final int number;
    private final Shape shape;

    VariableDescription(String name, int number, Shape shape) {
        this.name = name;
        this.number = number;
        this.shape = shape;
    }

    /**
     * The description of a variable that another engine kept.
     *
     * @param number of its state, which no other state of the operator has
     * @param kind {@link StateSchema.Kind#VALUE}, {@code LIST} or {@code MAP}
     * @param userKey the columns of a map's key, else none
     * @param value the columns of a value
     */
    public static VariableDescription of(
            String name, int number, StateSchema.Kind kind, StructType userKey, StructType value) {
        return new VariableDescription(name, number, new Shape(Kind.valueOf(kind.name()), userKey, value));
    }

    /** The description that an entry holds. */
    public static VariableDescription of(RowView key, RowView value) {
        String[] lines = text(value).split("\n", -1);
        return new VariableDescription(
                text(key),
                Integer.parseInt(lines[0]),
                new Shape(Kind.valueOf(lines[1]), StateColumns.parse(lines[2]), StateColumns.parse(lines[3])));
    }

    /** Puts it into a task's section. */
    public void put(Section task) {
        task.put(
                view(name),
                view("%d\n%s\n%s\n%s"
                        .formatted(
                                number,
                                shape.kind(),
                                shape.userKey().json(),
                                shape.value().json())));
    }

    private static RowView view(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return new RowView().pointTo(bytes, 0, bytes.length);
    }

    private static String text(RowView view) {
        return new String(view.bytes(), view.offset(), view.sizeBytes(), StandardCharsets.UTF_8);
    }

    String name() {
        return name;
    }

    int number() {
        return number;
    }

    Shape shape() {
        return shape;
    }

    /** What the variable's state holds under keys of these columns. */
    public StateSchema schema(StructType key) {
        StateSchema.Kind kind =
                switch (shape.kind()) {
                    case VALUE -> StateSchema.Kind.VALUE;
                    case LIST -> StateSchema.Kind.LIST;
                    case MAP -> StateSchema.Kind.MAP;
                };
        return StateColumns.schema(number, name, kind, key, shape.userKey(), shape.value());
    }
}
