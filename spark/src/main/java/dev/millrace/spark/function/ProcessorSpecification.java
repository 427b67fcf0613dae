package dev.millrace.spark.function;

import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.spark.key.StateColumns;
import org.apache.spark.sql.catalyst.encoders.ExpressionEncoder;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * A {@code transformWithState}.
 *
 * @param typed how keys, values and results become objects and rows
 * @param timeMode what timers and times to live go by
 * @param initialColumns what the rows hold that state begins with, or null
 */
public record ProcessorSpecification(
        StatefulProcessor<Object, Object, Object> processor,
        TypedGroups typed,
        TimeMode timeMode,
        OutputMode outputMode,
        ExpressionEncoder<Object> key,
        @Nullable InitialColumns initialColumns)
        implements FunctionSpecification {
    private static final long serialVersionUID = 1L;

    @Override
    public String name() {
        return "transformWithState";
    }

    @Override
    public StateSchema stateSchema() {
        StructType none = new StructType();
        return StateColumns.schema(
                ProcessorFunction.TIMERS,
                "timers",
                StateSchema.Kind.TIMES,
                StateColumns.of(typed.grouping()),
                none,
                none);
    }

    @Override
    public boolean dropsLateRows() {
        return timeMode == TimeMode.EventTime();
    }

    @Override
    public String describe() {
        return "timeMode=%s, outputMode=%s".formatted(timeMode, outputMode);
    }
}
