package dev.millrace.spark.batches;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Function;
import java.util.stream.Stream;
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
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * A sink that keeps what each batch gave, by the batch's number, in memory. It takes every output mode, and costs
 * neither engine a job or a plan of its own. Option: {@code batches}, set by {@link Batches#take}.
 */
public final class BatchesProvider implements TableProvider {
    private static final Map<String, Map<Long, List<String>>> KEPT = new ConcurrentHashMap<>();

    /** What the batches of a query gave: their rows as text, sorted. Thread: any. */
    public static final class Batches {
        private final String name = UUID.randomUUID().toString();

        public Batches() {
            KEPT.put(name, new ConcurrentSkipListMap<>());
        }

        /** Lets a query write here. */
        <T> DataStreamWriter<T> take(DataStreamWriter<T> writer) {
            return writer.format(BatchesProvider.class.getName()).option("batches", name);
        }

        /** All so far, by their numbers. */
        public Map<Long, List<String>> given() {
            return new TreeMap<>(KEPT.get(name));
        }
    }

    @Override
    public StructType inferSchema(CaseInsensitiveStringMap options) {
        return new StructType();
    }

    @Override
    public boolean supportsExternalMetadata() {
        return true;
    }

    @Override
    public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
        return new BatchesTable(schema, new CaseInsensitiveStringMap(properties).get("batches"));
    }

    private record BatchesTable(StructType rows, String batches) implements Table, SupportsWrite {
        @Override
        public String name() {
            return "batches";
        }

        @Override
        @SuppressWarnings("deprecation") // Spark asks for the schema in this form too
        public StructType schema() {
            return rows;
        }

        @Override
        public Set<TableCapability> capabilities() {
            return Set.of(TableCapability.STREAMING_WRITE, TableCapability.ACCEPT_ANY_SCHEMA);
        }

        @Override
        public WriteBuilder newWriteBuilder(LogicalWriteInfo info) {
            return new BatchesBuilder(batches, info.schema());
        }
    }

    private record BatchesBuilder(String batches, StructType rows)
            implements WriteBuilder, SupportsTruncate, SupportsStreamingUpdateAsAppend {
        @Override
        public WriteBuilder truncate() {
            return this; // a batch is kept by itself in any case
        }

        @Override
        public Write build() {
            return new BatchesWrite(batches, rows);
        }
    }

    private record BatchesWrite(String batches, StructType rows) implements Write, StreamingWrite {
        @Override
        public StreamingWrite toStreaming() {
            return this;
        }

        @Override
        public StreamingDataWriterFactory createStreamingWriterFactory(PhysicalWriteInfo info) {
            return new WriterFactory(rows);
        }

        @Override
        public void commit(long batch, WriterCommitMessage[] messages) {
            List<String> texts = Arrays.stream(messages)
                    .flatMap(message -> message == null ? Stream.empty() : ((Texts) message).texts().stream())
                    .sorted()
                    .toList();
            KEPT.get(batches).put(batch, texts);
        }

        @Override
        public void abort(long batch, WriterCommitMessage[] messages) {}
    }

    private record Texts(List<String> texts) implements WriterCommitMessage {
        private static final long serialVersionUID = 1L;
    }

    private record WriterFactory(StructType rows) implements StreamingDataWriterFactory {
        private static final long serialVersionUID = 1L;

        @Override
        public DataWriter<InternalRow> createWriter(int partition, long task, long batch) {
            return new TextWriter(CatalystTypeConverters$.MODULE$.createToScalaConverter(rows)::apply);
        }
    }

    /** Keeps rows as text. Thread: its task's. */
    private static final class TextWriter implements DataWriter<InternalRow> {
        private final Function<Object, Object> toRow;
        private final List<String> texts = new ArrayList<>();

        TextWriter(Function<Object, Object> toRow) {
            this.toRow = toRow;
        }

        @Override
        public void write(InternalRow row) {
            texts.add(String.valueOf(toRow.apply(row)));
        }

        @Override
        public WriterCommitMessage commit() {
            return new Texts(List.copyOf(texts));
        }

        @Override
        public void abort() {}

        @Override
        public void close() {}
    }
}
