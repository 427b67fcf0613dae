package dev.millrace.spark.late;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.CreateNamedStruct;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.StructsToJson;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * The columns of a row that tells of a late one: the operator's name, the watermark that had passed, the
 * event time by which the row was late, and the row itself as JSON.
 *
 * <p>Thread: any.
 */
public enum LateRowLayout {
    /** A column for each. */
    COLUMNS(new StructType()
            .add("operator", DataTypes.StringType, false)
            .add("watermark", DataTypes.TimestampType, false)
            .add("event_time", DataTypes.TimestampType, false)
            .add("row", DataTypes.StringType)),

    /** The operator as the key, and all of them as one JSON object: what a Kafka record holds. */
    KEY_AND_VALUE(new StructType().add("key", DataTypes.StringType, false).add("value", DataTypes.StringType));

    private final StructType schema;

    LateRowLayout(StructType schema) {
        this.schema = schema;
    }

    /** The layout for a sink of a format. */
    static LateRowLayout of(String format) {
        return format.equalsIgnoreCase("kafka") ? KEY_AND_VALUE : COLUMNS;
    }

    public StructType schema() {
        return schema;
    }

    /**
     * The columns as expressions.
     *
     * @param operator the operator's name
     * @param input the late row's columns
     * @param watermark holds the watermark
     * @param eventTime holds the event time
     */
    List<Expression> expressions(
            String operator, List<Attribute> input, Attribute watermark, Attribute eventTime, String timeZone) {
        Expression name = Literal.create(operator, DataTypes.StringType);
        if (this == COLUMNS) {
            return List.of(name, watermark, eventTime, json(struct(input), timeZone));
        }
        Expression all = new CreateNamedStruct(Scala.<Expression>seq(List.of(
                text("operator"), name,
                text("watermark"), watermark,
                text("event_time"), eventTime,
                text("row"), struct(input))));
        return List.of(name, json(all, timeZone));
    }

    private static Expression struct(List<Attribute> columns) {
        List<Expression> namesAndValues = new ArrayList<>();
        for (Attribute column : columns) {
            namesAndValues.add(text(column.name()));
            namesAndValues.add(column);
        }
        return new CreateNamedStruct(Scala.<Expression>seq(namesAndValues));
    }

    private static Expression json(Expression struct, String timeZone) {
        // The optimizer would have replaced it; this expression never comes there.
        return new StructsToJson(Scala.immutableMap(Map.of()), struct, Scala.option(timeZone)).replacement();
    }

    private static Expression text(String text) {
        return Literal.create(text, DataTypes.StringType);
    }
}
