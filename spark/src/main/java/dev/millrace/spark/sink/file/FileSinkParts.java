package dev.millrace.spark.sink.file;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import java.lang.reflect.Field;
import java.util.List;
import org.apache.spark.sql.execution.datasources.FileFormat;
import org.apache.spark.sql.execution.streaming.sinks.FileStreamSink;
import org.apache.spark.sql.execution.streaming.sinks.FileStreamSinkLog;
import scala.collection.immutable.Map;
import scala.collection.immutable.Seq;

/**
 * What Spark's file sink was made of. Spark keeps it to itself, so it is read by reflection, once per
 * start of a query.
 *
 * @param path the folder, qualified
 * @param partitionColumns the names that {@code partitionBy} was given
 * @param options the writer's options, their names in any case
 * @param log says which files of the folder count, and is made with the sink's retention
 */
record FileSinkParts(
        String path,
        FileFormat format,
        List<String> partitionColumns,
        Map<String, String> options,
        FileStreamSinkLog log) {

    /** Errors: UNSUPPORTED_SINK where this Spark's sink is made otherwise. */
    static FileSinkParts of(FileStreamSink sink) {
        try {
            Seq<String> partitionColumns = Scala.cast(field(sink, "partitionColumnNames", Seq.class));
            Map<String, String> options = Scala.cast(field(sink, "options", Map.class));
            return new FileSinkParts(
                    field(sink, "path", String.class),
                    field(sink, "fileFormat", FileFormat.class),
                    List.copyOf(Scala.list(partitionColumns)),
                    options,
                    field(sink, "fileLog", FileStreamSinkLog.class));
        } catch (ReflectiveOperationException | ClassCastException e) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SINK,
                    "Cannot write files on Millrace: sink=%s of this Spark is not made as expected, error=%s. Use the "
                                    .formatted(sink, e)
                            + "Millrace jar that was made for this Spark.",
                    e);
        }
    }

    private static <T> T field(FileStreamSink sink, String name, Class<T> type) throws ReflectiveOperationException {
        Field field = FileStreamSink.class.getDeclaredField(name);
        field.setAccessible(true);
        return type.cast(field.get(sink));
    }
}
