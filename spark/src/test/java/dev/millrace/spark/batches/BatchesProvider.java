package dev.millrace.spark.batches;

import dev.millrace.spark.RowTexts;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Function;
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
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * A sink that keeps what each batch gave, by the batch's number, in memory. It takes every output mode, and costs
 * neither engine a job or a plan of its own. A batch that is committed again must be the same. Option: {@code
 * batches}, set by {@link Batches#take}.
 */
public final class BatchesProvider implements TableProvider {
    private static final Map<String, Batches> KEPT = new ConcurrentHashMap<>();

    /** Is called while source and sink work, in whatever process, and may let them fail. Thread: any. */
    public interface Witness extends Serializable {
        /** Sees nothing. */
        Witness NONE = new Nobody();

        /** Before a {@link ScriptedProvider} gives a row. */
        default void reading() throws IOException {}

        /** Before each row. */
        default void writing() throws IOException {}

        /** Before a batch is kept, and behind it. */
        default void committing() throws IOException {}
    }

    private record Nobody() implements Witness {
        private static final long serialVersionUID = 1L;
    }

    /** What the batches of a query gave: their rows as text. Thread: any. */
    public static final class Batches {
        private final String name = UUID.randomUUID().toString();
        private final Map<Long, List<String>> rows = new ConcurrentSkipListMap<>();
        private final Set<Long> processes = ConcurrentHashMap.newKeySet();
        private final Witness witness;

        public Batches() {
            this(Witness.NONE);
        }

        public Batches(Witness witness) {
            this.witness = witness;
            KEPT.put(name, this);
        }

        /** Lets a query write here. */
        <T> DataStreamWriter<T> take(DataStreamWriter<T> writer) {
            return writer.format(BatchesProvider.class.getName()).option("batches", name);
        }

        /** The value of the sink's option. */
        public String name() {
            return name;
        }

        /** All so far, by their numbers, each sorted. */
        public Map<Long, List<String>> given() {
            Map<Long, List<String>> sorted = new TreeMap<>(rows);
            sorted.replaceAll((batch, texts) -> texts.stream().sorted().toList());
            return sorted;
        }

        /** All so far, one batch after another, the rows of each in the order in which tasks wrote them. */
        public List<List<String>> inOrder() {
            return List.copyOf(rows.values());
        }

        /** The processes whose tasks wrote to committed batches, if only that there was nothing to write. */
        public Set<Long> processes() {
            return Set.copyOf(processes);
        }

        /** Forgets them. */
        public void remove() {
            KEPT.remove(name);
        }

        private void commit(long batch, List<Texts> messages) throws IOException {
            witness.committing();
            messages.forEach(message -> processes.add(message.process()));
            List<String> texts = messages.stream()
                    .flatMap(message -> message.texts().stream())
                    .toList();
            List<String> before = rows.putIfAbsent(batch, texts);
            if (before != null && !before.equals(texts)) {
                throw new AssertionError("batch %d was committed twice, differently".formatted(batch));
            }
            witness.committing();
        }
    }

    private static Batches kept(String name) {
        return Objects.requireNonNull(KEPT.get(name), name);
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
            return new WriterFactory(kept(batches).witness, rows);
        }

        @Override
        public void commit(long batch, WriterCommitMessage[] messages) {
            try {
                kept(batches)
                        .commit(
                                batch,
                                Arrays.stream(messages)
                                        .filter(Objects::nonNull)
                                        .map(message -> (Texts) message)
                                        .toList());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void abort(long batch, WriterCommitMessage[] messages) {}
    }

    private record Texts(List<String> texts, long process) implements WriterCommitMessage {
        private static final long serialVersionUID = 1L;
    }

    private record WriterFactory(Witness witness, StructType rows) implements StreamingDataWriterFactory {
        private static final long serialVersionUID = 1L;

        @Override
        public DataWriter<InternalRow> createWriter(int partition, long task, long batch) {
            return new TextWriter(witness, CatalystTypeConverters$.MODULE$.createToScalaConverter(rows)::apply);
        }
    }

    /** Keeps rows as text. Thread: its task's. */
    private static final class TextWriter implements DataWriter<InternalRow> {
        private final Witness witness;
        private final Function<Object, Object> toRow;
        private final List<String> texts = new ArrayList<>();

        TextWriter(Witness witness, Function<Object, Object> toRow) {
            this.witness = witness;
            this.toRow = toRow;
        }

        @Override
        public void write(InternalRow row) throws IOException {
            witness.writing();
            texts.add(RowTexts.text((Row) toRow.apply(row)));
        }

        @Override
        public WriterCommitMessage commit() {
            return new Texts(List.copyOf(texts), ProcessHandle.current().pid());
        }

        @Override
        public void abort() {}

        @Override
        public void close() {}
    }
}
