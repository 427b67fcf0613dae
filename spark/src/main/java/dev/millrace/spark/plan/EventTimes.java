package dev.millrace.spark.plan;

import dev.millrace.engine.operator.EventTimeExtractor;
import dev.millrace.engine.operator.PerTask;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.Platform;
import scala.collection.immutable.Seq;

/**
 * Reads a row's event time: a timestamp, or the end of a window. For a watermark it is cut to whole
 * milliseconds, in which Spark keeps those.
 *
 * <p>Thread: any; what is made belongs to one task.
 */
final class EventTimes implements PerTask<EventTimeExtractor> {
    private static final long serialVersionUID = 1L;

    private static final int END_FIELD = 1;
    private static final int FIELDS_OF_WINDOW = 2;
    private static final long MICROS_PER_MILLI = 1000;

    private final int index;
    private final int fieldCount;
    private final boolean isWindow;
    private final boolean isCut;

    EventTimes(Attribute eventTime, Seq<Attribute> input) {
        this(eventTime, input, true);
    }

    /** Event times as they are, to be compared with a watermark. */
    static EventTimes exact(Attribute eventTime, Seq<Attribute> input) {
        return new EventTimes(eventTime, input, false);
    }

    private EventTimes(Attribute eventTime, Seq<Attribute> input, boolean isCut) {
        this.isCut = isCut;
        List<Attribute> columns = Scala.list(input);
        int found = -1;
        for (int i = 0; i < columns.size(); i++) {
            if (columns.get(i).exprId().equals(eventTime.exprId())) {
                found = i;
            }
        }
        if (found < 0) {
            throw new IllegalStateException("Cannot find the event time: column=" + eventTime + ", input=" + columns);
        }
        index = found;
        fieldCount = columns.size();
        isWindow = eventTime.dataType() instanceof StructType;
    }

    @Override
    public EventTimeExtractor get() {
        UnsafeRow row = new UnsafeRow(fieldCount);
        return (bytes, offset, sizeBytes) -> {
            row.pointTo(bytes, Platform.BYTE_ARRAY_OFFSET + (long) offset, sizeBytes);
            return micros(row);
        };
    }

    private long micros(UnsafeRow row) {
        if (row.isNullAt(index)) {
            return EventTimeExtractor.NO_EVENT_TIME;
        }
        long micros;
        if (isWindow) {
            UnsafeRow window = row.getStruct(index, FIELDS_OF_WINDOW);
            if (window.isNullAt(END_FIELD)) {
                return EventTimeExtractor.NO_EVENT_TIME;
            }
            micros = window.getLong(END_FIELD);
        } else {
            micros = row.getLong(index);
        }
        return isCut ? Math.floorDiv(micros, MICROS_PER_MILLI) * MICROS_PER_MILLI : micros;
    }
}
