package dev.millrace.spark.sink;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.catalog.Column;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.SupportsWrite;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.connector.catalog.TableChange;
import org.apache.spark.sql.connector.distributions.Distribution;
import org.apache.spark.sql.connector.distributions.Distributions;
import org.apache.spark.sql.connector.expressions.Expressions;
import org.apache.spark.sql.connector.expressions.SortOrder;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.LogicalWriteInfo;
import org.apache.spark.sql.connector.write.PhysicalWriteInfo;
import org.apache.spark.sql.connector.write.RequiresDistributionAndOrdering;
import org.apache.spark.sql.connector.write.Write;
import org.apache.spark.sql.connector.write.WriteBuilder;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import org.jspecify.annotations.Nullable;

/**
 * A catalog of tables that take streaming writes and remember what was asked of them. A table whose name
 * begins with {@code sorted} demands order, as some do.
 */
public final class RecordingCatalog implements TableCatalog {
    private static final Map<String, Recorded> TABLES = new ConcurrentHashMap<>();

    private String name = "";

    /** What one writer wrote. */
    record Written(int task, long epoch, List<Long> values) implements WriterCommitMessage {}

    /** A table: what was committed and what was given up, and how it was made. */
    static final class Recorded implements Table, SupportsWrite {
        final List<Long> epochs = Collections.synchronizedList(new ArrayList<>());
        final List<List<@Nullable Written>> committed = Collections.synchronizedList(new ArrayList<>());
        final List<List<@Nullable Written>> aborted = Collections.synchronizedList(new ArrayList<>());
        private final String name;

        /** How many commits are still to fail. */
        int failCommits;

        private final Column[] columns;
        private final Transform[] partitions;

        Recorded(String name, Column[] columns, Transform[] partitions) {
            this.name = name;
            this.columns = columns;
            this.partitions = partitions;
        }

        List<Long> values() {
            return committed.stream()
                    .flatMap(List::stream)
                    .flatMap(written -> written.values().stream())
                    .toList();
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public Column[] columns() {
            return columns;
        }

        @Override
        public Transform[] partitioning() {
            return partitions;
        }

        @Override
        public Set<TableCapability> capabilities() {
            return Set.of(TableCapability.STREAMING_WRITE);
        }

        @Override
        public WriteBuilder newWriteBuilder(LogicalWriteInfo info) {
            return new WriteBuilder() {
                @Override
                public Write build() {
                    return name.startsWith("sorted") ? new SortedWrite() : new RecordedWrite(Recorded.this);
                }
            };
        }
    }

    private record RecordedWrite(Recorded table) implements Write, StreamingWrite {
        @Override
        public StreamingWrite toStreaming() {
            return this;
        }

        @Override
        public StreamingDataWriterFactory createStreamingWriterFactory(PhysicalWriteInfo info) {
            return new Factory();
        }

        @Override
        public void commit(long epoch, WriterCommitMessage[] messages) {
            if (table.failCommits-- > 0) {
                throw new IllegalStateException("the table is not there");
            }
            table.epochs.add(epoch);
            table.committed.add(written(messages));
        }

        @Override
        public void abort(long epoch, WriterCommitMessage[] messages) {
            table.aborted.add(written(messages));
        }

        private static List<@Nullable Written> written(WriterCommitMessage[] messages) {
            List<@Nullable Written> written = new ArrayList<>();
            for (WriterCommitMessage message : messages) {
                written.add((Written) message);
            }
            return written;
        }
    }

    private record SortedWrite() implements RequiresDistributionAndOrdering {
        @Override
        public Distribution requiredDistribution() {
            return Distributions.unspecified();
        }

        @Override
        public SortOrder[] requiredOrdering() {
            return new SortOrder[] {
                Expressions.sort(
                        Expressions.column("value"), org.apache.spark.sql.connector.expressions.SortDirection.ASCENDING)
            };
        }
    }

    private record Factory() implements StreamingDataWriterFactory {
        private static final long serialVersionUID = 1L;

        @Override
        public DataWriter<InternalRow> createWriter(int partitionId, long taskId, long epochId) {
            List<Long> values = new ArrayList<>();
            return new DataWriter<>() {
                @Override
                public void write(InternalRow row) {
                    values.add(row.getLong(0));
                }

                @Override
                public WriterCommitMessage commit() {
                    return new Written(partitionId, epochId, values);
                }

                @Override
                public void abort() {}

                @Override
                public void close() {}
            };
        }
    }

    static Recorded table(String name) {
        return TABLES.get(name);
    }

    @Override
    public void initialize(String catalogName, CaseInsensitiveStringMap options) {
        name = catalogName;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Identifier[] listTables(String[] namespace) {
        return TABLES.keySet().stream()
                .map(table -> Identifier.of(namespace, table))
                .toArray(Identifier[]::new);
    }

    @Override
    public Table loadTable(Identifier identifier) throws org.apache.spark.sql.catalyst.analysis.NoSuchTableException {
        Recorded table = TABLES.get(identifier.name());
        if (table == null) {
            throw new org.apache.spark.sql.catalyst.analysis.NoSuchTableException(identifier);
        }
        return table;
    }

    @Override
    public Table createTable(
            Identifier identifier, Column[] columns, Transform[] partitions, Map<String, String> properties) {
        Recorded table = new Recorded(identifier.name(), columns, partitions);
        TABLES.put(identifier.name(), table);
        return table;
    }

    @Override
    public Table alterTable(Identifier identifier, TableChange... changes) {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean dropTable(Identifier identifier) {
        return TABLES.remove(identifier.name()) != null;
    }

    @Override
    public void renameTable(Identifier from, Identifier to) {
        throw new UnsupportedOperationException();
    }
}
