package dev.millrace.spark.differential;

import dev.millrace.spark.RowTexts;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.CatalystTypeConverters$;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.catalog.SupportsWrite;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.LogicalWriteInfo;
import org.apache.spark.sql.connector.write.PhysicalWriteInfo;
import org.apache.spark.sql.connector.write.SupportsTruncate;
import org.apache.spark.sql.connector.write.Write;
import org.apache.spark.sql.connector.write.WriteBuilder;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;
import org.apache.spark.sql.internal.connector.SupportsStreamingUpdateAsAppend;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * Keeps the rows of each committed epoch as text, in the order in which tasks wrote them. An epoch that is
 * committed again must be the same. Option: {@code name}.
 */
public final class EpochRowsProvider implements TableProvider {
    private static final Map<String, ConcurrentSkipListMap<Long, List<String>>> EPOCHS = new ConcurrentHashMap<>();

    /** The rows of each epoch of a sink, from its opening until its removal. */
    static ConcurrentSkipListMap<Long, List<String>> epochs(String name) {
        return EPOCHS.computeIfAbsent(name, made -> new ConcurrentSkipListMap<>());
    }

    static void remove(String name) {
        EPOCHS.remove(name);
    }

    @Override
    public boolean supportsExternalMetadata() {
        return true;
    }

    @Override
    public StructType inferSchema(CaseInsensitiveStringMap options) {
        return new StructType();
    }

    @Override
    public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
        return new EpochsTable(new CaseInsensitiveStringMap(properties).get("name"));
    }

    private record EpochsTable(String name) implements Table, SupportsWrite {
        @Override
        @SuppressWarnings("deprecation") // Spark asks for the schema in this form too
        public StructType schema() {
            return new StructType();
        }

        @Override
        public Set<TableCapability> capabilities() {
            return Set.of(TableCapability.STREAMING_WRITE, TableCapability.TRUNCATE, TableCapability.ACCEPT_ANY_SCHEMA);
        }

        @Override
        public WriteBuilder newWriteBuilder(LogicalWriteInfo info) {
            return new Builder(name, info.schema());
        }
    }

    private record Builder(String name, StructType schema)
            implements WriteBuilder, SupportsTruncate, SupportsStreamingUpdateAsAppend {
        @Override
        public WriteBuilder truncate() {
            return this;
        }

        @Override
        public Write build() {
            return new Write() {
                @Override
                public StreamingWrite toStreaming() {
                    return new EpochsWrite(name, schema);
                }
            };
        }
    }

    private record Texts(ArrayList<String> rows) implements WriterCommitMessage {}

    private record EpochsWrite(String name, StructType schema) implements StreamingWrite {
        @Override
        public StreamingDataWriterFactory createStreamingWriterFactory(PhysicalWriteInfo info) {
            return new Writers(schema);
        }

        @Override
        public boolean useCommitCoordinator() {
            return false;
        }

        @Override
        public void commit(long epoch, WriterCommitMessage[] messages) {
            List<String> rows = new ArrayList<>();
            for (WriterCommitMessage message : messages) {
                rows.addAll(((Texts) Objects.requireNonNull(message)).rows());
            }
            List<String> before = epochs(name).putIfAbsent(epoch, rows);
            if (before != null && !before.equals(rows)) {
                throw new AssertionError("epoch %d was committed twice, differently".formatted(epoch));
            }
        }

        @Override
        public void abort(long epoch, WriterCommitMessage[] messages) {}
    }

    private record Writers(StructType schema) implements StreamingDataWriterFactory {
        @Override
        public DataWriter<InternalRow> createWriter(int partition, long task, long epoch) {
            var converter = CatalystTypeConverters$.MODULE$.createToScalaConverter(schema);
            ArrayList<String> rows = new ArrayList<>();
            return new DataWriter<>() {
                @Override
                public void write(InternalRow row) {
                    rows.add(RowTexts.text((Row) converter.apply(row)));
                }

                @Override
                public WriterCommitMessage commit() {
                    return new Texts(rows);
                }

                @Override
                public void abort() {}

                @Override
                public void close() {}
            };
        }
    }
}
