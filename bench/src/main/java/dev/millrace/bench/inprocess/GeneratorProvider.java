package dev.millrace.bench.inprocess;

import dev.millrace.bench.workload.Column;
import dev.millrace.bench.workload.PartitionRows;
import dev.millrace.bench.workload.Rows;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.connector.read.SupportsPushDownRequiredColumns;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * A Spark source that makes its rows itself, for micro-batches and with real-time reads. Options: {@code table} and
 * {@code keys} as {@link Rows#of} takes them; {@code partitions}; {@code rows}, after which there are no more;
 * {@code batchRows} of a micro-batch; {@code rate}, with which the table is {@link PacedFeed}'s.
 */
public final class GeneratorProvider implements TableProvider {
    /** As many as a batch needs for its own cost not to matter: one to two seconds of work. */
    private static final long BATCH_ROWS = 4_000_000;

    /**
     * What the options ask for.
     *
     * @param rate rows per second; 0 is as fast as possible
     */
    record Shape(String table, int keys, int partitions, long rows, long batchRows, int rate) implements Serializable {
        static Shape of(CaseInsensitiveStringMap options) {
            return new Shape(
                    options.getOrDefault("table", "longs"),
                    options.getInt("keys", 1_000),
                    options.getInt("partitions", 2),
                    options.getLong("rows", Long.MAX_VALUE / 2),
                    options.getLong("batchRows", BATCH_ROWS),
                    options.getInt("rate", 0));
        }

        PartitionRows partition(int index) {
            return new PartitionRows(index, partitions);
        }

        RowFeed feed(int index, long given, long end, int[] columns) {
            return rate > 0
                    ? new PacedFeed(keys, rate, index, partitions, given)
                    : new TableFeed(Rows.of(table, keys), partition(index), columns, given, end);
        }
    }

    @Override
    public StructType inferSchema(CaseInsensitiveStringMap options) {
        Shape shape = Shape.of(options);
        return schema(Rows.of(shape.table(), shape.keys()).columns());
    }

    private static StructType schema(List<Column> columns) {
        StructType schema = new StructType();
        for (Column column : columns) {
            schema = schema.add(column.name(), type(column.type()), true);
        }
        return schema;
    }

    private static DataType type(Column.Type type) {
        return switch (type) {
            case INT -> DataTypes.IntegerType;
            case LONG -> DataTypes.LongType;
            case DOUBLE -> DataTypes.DoubleType;
            case STRING -> DataTypes.StringType;
            case TIME -> DataTypes.TimestampType;
        };
    }

    @Override
    public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
        return new GeneratorTable(schema);
    }

    private record GeneratorTable(StructType all) implements Table, SupportsRead {
        @Override
        public String name() {
            return "generator";
        }

        @Override
        @SuppressWarnings("deprecation") // Spark asks for the schema in this form too
        public StructType schema() {
            return all;
        }

        @Override
        public Set<TableCapability> capabilities() {
            return Set.of(TableCapability.MICRO_BATCH_READ);
        }

        @Override
        public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
            return new Builder(Shape.of(options), all);
        }
    }

    private static final class Builder implements SupportsPushDownRequiredColumns {
        private final Shape shape;
        private StructType wanted;

        Builder(Shape shape, StructType all) {
            this.shape = shape;
            this.wanted = all;
        }

        @Override
        public void pruneColumns(StructType required) {
            // The paced feed has its two columns always.
            if (shape.rate() == 0) {
                wanted = required;
            }
        }

        @Override
        public Scan build() {
            return new GeneratorScan(shape, wanted);
        }
    }

    private record GeneratorScan(Shape shape, StructType wanted) implements Scan {
        @Override
        public StructType readSchema() {
            return wanted;
        }

        private int[] columns() {
            List<String> names = Rows.of(shape.table(), shape.keys()).columns().stream()
                    .map(Column::name)
                    .toList();
            return Arrays.stream(wanted.fieldNames()).mapToInt(names::indexOf).toArray();
        }

        @Override
        public MicroBatchStream toMicroBatchStream(String checkpointLocation) {
            return new GeneratorStream(shape, columns());
        }
    }
}
