package dev.millrace.spark.late;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.settings.MillraceSettings;
import dev.millrace.spark.sink.StreamingWrites;
import dev.millrace.spark.sink.WriteRequest;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.SupportsWrite;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.write.LogicalWriteInfoImpl;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;
import org.apache.spark.sql.execution.datasources.DataSource;
import org.apache.spark.sql.execution.datasources.DataSource$;
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Utils$;
import org.apache.spark.sql.execution.datasources.v2.FileDataSourceV2;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * The sink that a query sends its late rows to, as a user's own query would write to it in append mode.
 * What it keeps in the checkpoint lies in a folder of its own.
 *
 * <p>Thread: any. Source: Spark's DataStreamWriter.
 */
public final class LateSink {
    private static final String FOLDER = "/millrace/late";
    private static final String ID_SUFFIX = "-late";

    private final Table table;
    private final LateRowLayout layout;
    private final CaseInsensitiveStringMap options;

    private LateSink(Table table, LateRowLayout layout, Map<String, String> options) {
        this.table = table;
        this.layout = layout;
        this.options = new CaseInsensitiveStringMap(options);
    }

    /** The sink that a session's settings name, if any. Errors: UNSUPPORTED_SINK, Spark's own. */
    public static Optional<LateSink> of(SparkSession session) {
        return LateRowSettings.read(session.sessionState().conf()).map(settings -> ofFormat(session, settings));
    }

    private static LateSink ofFormat(SparkSession session, LateRowSettings settings) {
        LateRowLayout layout = LateRowLayout.of(settings.format());
        Table table = table(session, settings, layout);
        boolean streams = StreamingWrites.writesTo(table)
                || (table instanceof SupportsWrite && table.capabilities().contains(TableCapability.STREAMING_WRITE));
        if (!streams) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SINK,
                    "Cannot send late rows: %s=%s takes no streaming writes. Set another format."
                            .formatted(MillraceSettings.LATE_FORMAT.key(), settings.format()));
        }
        return new LateSink(table, layout, settings.options());
    }

    private static Table table(SparkSession session, LateRowSettings settings, LateRowLayout layout) {
        Class<?> type = DataSource$.MODULE$.lookupDataSource(
                settings.format(), session.sessionState().conf());
        if (TableProvider.class.isAssignableFrom(type) && !FileDataSourceV2.class.isAssignableFrom(type)) {
            TableProvider provider = newProvider(type);
            Table table = DataSourceV2Utils$.MODULE$.getTableFromProvider(
                    provider,
                    new CaseInsensitiveStringMap(settings.options()),
                    provider.supportsExternalMetadata() ? Scala.option(layout.schema()) : Scala.none());
            if (table instanceof SupportsWrite && table.capabilities().contains(TableCapability.STREAMING_WRITE)) {
                return table;
            }
        }
        return new DataSource(
                        session,
                        settings.format(),
                        Scala.emptySeq(),
                        Scala.none(),
                        Scala.emptySeq(),
                        Scala.none(),
                        Scala.immutableMap(settings.options()),
                        Scala.none(),
                        Scala.none())
                .createSink(OutputMode.Append());
    }

    private static TableProvider newProvider(Class<?> type) {
        try {
            return (TableProvider) type.getConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw Scala.sneaky(e);
        }
    }

    /** What explain and errors call the sink. */
    public String name() {
        return "late rows to " + StreamingWrites.nameOf(table);
    }

    public LateRowLayout layout() {
        return layout;
    }

    /** A write for the query whose main write was asked for so. */
    public StreamingWrite write(WriteRequest main) {
        WriteRequest request = new WriteRequest(
                main.session(),
                table,
                options,
                layout.schema(),
                OutputMode.Append(),
                main.queryId() + ID_SUFFIX,
                main.checkpointRoot() + FOLDER,
                main.intervalMillis(),
                main.isBounded());
        return StreamingWrites.of(request, () -> ((SupportsWrite) table)
                .newWriteBuilder(new LogicalWriteInfoImpl(
                        request.queryId(), layout.schema(), options, Optional.empty(), Optional.empty()))
                .build()
                .toStreaming());
    }
}
