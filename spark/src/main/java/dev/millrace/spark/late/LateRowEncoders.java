package dev.millrace.spark.late;

import dev.millrace.engine.operator.LateRowEncoder;
import dev.millrace.engine.operator.PerTask;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import dev.millrace.spark.fragment.Rows;
import dev.millrace.spark.fragment.TaskCopies;
import dev.millrace.spark.scala.Scala;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.Metadata;

/**
 * Makes the encoder of one operator's late rows in each task.
 *
 * <p>Thread: any; what is made belongs to the calling task.
 */
public final class LateRowEncoders implements PerTask<LateRowEncoder> {
    private static final long serialVersionUID = 1L;

    private static final int WATERMARK = 0;
    private static final int EVENT_TIME = 1;

    private final TaskCopies<Specification> specification;

    /**
     * What late rows are made into.
     *
     * @param columns the expressions of each input, over the input's columns and then the two times
     * @param inputs the columns of each of the operator's inputs, with the two times behind them
     */
    private record Specification(List<List<Expression>> columns, List<List<Attribute>> inputs)
            implements Serializable {}

    /**
     * @param operator the operator's name
     * @param inputs the columns of its left input and, where it has one, of its right one
     * @param timeZone in which JSON shows times
     */
    public LateRowEncoders(LateRowLayout layout, String operator, List<List<Attribute>> inputs, String timeZone) {
        Attribute watermark = timestamp("watermark");
        Attribute eventTime = timestamp("event_time");
        List<List<Expression>> columns = new ArrayList<>();
        List<List<Attribute>> withTimes = new ArrayList<>();
        for (List<Attribute> input : inputs) {
            columns.add(layout.expressions(operator, input, watermark, eventTime, timeZone));
            List<Attribute> all = new ArrayList<>(input);
            all.add(watermark);
            all.add(eventTime);
            withTimes.add(all);
        }
        specification = TaskCopies.of(new Specification(columns, withTimes));
    }

    private static Attribute timestamp(String name) {
        return new AttributeReference(
                name, DataTypes.TimestampType, false, Metadata.empty(), NamedExpression.newExprId(), Scala.emptySeq());
    }

    @Override
    public LateRowEncoder get() {
        Specification own = specification.copy();
        InputEncoder left = new InputEncoder(own.columns().get(0), own.inputs().get(0));
        if (own.inputs().size() == 1) {
            return (side, row, eventTimeMicros, watermarkMicros) -> left.encode(row, eventTimeMicros, watermarkMicros);
        }
        InputEncoder right = new InputEncoder(own.columns().get(1), own.inputs().get(1));
        return (side, row, eventTimeMicros, watermarkMicros) ->
                (side == Side.LEFT ? left : right).encode(row, eventTimeMicros, watermarkMicros);
    }

    /** Encodes the rows of one input. */
    private static final class InputEncoder {
        private final UnsafeProjection projection;
        private final UnsafeRow row;
        private final GenericInternalRow times = new GenericInternalRow(2);
        private final JoinedRow rowAndTimes = new JoinedRow();
        private final RowView view = new RowView();

        InputEncoder(List<Expression> columns, List<Attribute> input) {
            projection = UnsafeProjection.create(Scala.<Expression>seq(columns), Scala.seq(input));
            projection.initialize(0);
            row = new UnsafeRow(input.size() - times.numFields());
        }

        RowView encode(RowView late, long eventTimeMicros, long watermarkMicros) {
            times.update(WATERMARK, watermarkMicros);
            times.update(EVENT_TIME, eventTimeMicros);
            return Rows.point(view, projection.apply(rowAndTimes.apply(Rows.point(row, late), times)));
        }
    }
}
