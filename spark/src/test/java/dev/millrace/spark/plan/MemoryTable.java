package dev.millrace.spark.plan;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.PlannedSource;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.source.SourceReader;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.CatalystTypeConverters$;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** Rows that a query reads as a stream, and Spark itself as a table, for the same answer. */
final class MemoryTable implements Source {
    private final SparkSession session;
    private final StructType schema;
    private final List<Row> rows;
    private final List<Row> streamRows;

    MemoryTable(SparkSession session, StructType schema, List<Row> rows) {
        this.session = session;
        this.schema = schema;
        this.rows = rows;
        this.streamRows = rows;
    }

    private MemoryTable(MemoryTable table, Row last) {
        session = table.session;
        schema = table.schema;
        rows = table.rows;
        streamRows = new ArrayList<>(rows);
        streamRows.add(last);
    }

    /** The same rows, and one more at the end that only the stream has, to move its watermark on. */
    MemoryTable closedBy(Row last) {
        return new MemoryTable(this, last);
    }

    /** The rows as a table, in one partition, so that their order is kept. */
    Dataset<Row> asTable() {
        return session.createDataFrame(rows, schema).coalesce(1);
    }

    /** The rows as the stream of source {@code sourceIndex}. */
    Dataset<Row> asStream(int sourceIndex) {
        List<Attribute> output = new ArrayList<>();
        for (StructField field : schema.fields()) {
            output.add(new AttributeReference(
                    field.name(),
                    field.dataType(),
                    field.nullable(),
                    field.metadata(),
                    NamedExpression.newExprId(),
                    Scala.emptySeq()));
        }
        return org.apache.spark.sql.classic.Dataset.ofRows(
                session, new SourceNode(sourceIndex, name(), Scala.seq(output)));
    }

    /** The rows' bytes in Spark's layout. */
    List<byte[]> bytes() {
        var converter = CatalystTypeConverters$.MODULE$.createToCatalystConverter(schema);
        UnsafeProjection projection = UnsafeProjection.create(schema);
        List<byte[]> bytes = new ArrayList<>();
        for (Row row : streamRows) {
            bytes.add(projection.apply((InternalRow) converter.apply(row)).getBytes());
        }
        return bytes;
    }

    @Override
    public String name() {
        return "memory";
    }

    @Override
    public PlannedSource plan(int workerCount, int loopCount) {
        return PlannedSource.flowing(name(), List.of(new Readers(bytes())));
    }

    private record Readers(List<byte[]> rows) implements ReaderFactory {
        @Override
        public SourceReader create() {
            return new Reader(rows);
        }
    }

    private static final class Reader implements SourceReader {
        private static final int BATCH_ROWS = 100;

        private final List<byte[]> rows;
        private final RowView view = new RowView();
        private List<PartitionOutput> outputs = List.of();
        private int given;

        Reader(List<byte[]> rows) {
            this.rows = rows;
        }

        @Override
        public void open(List<PartitionOutput> opened) {
            outputs = opened;
            outputs.get(0).publish(given);
        }

        @Override
        public boolean read() {
            PartitionOutput output = outputs.get(0);
            int before = given;
            int end = Math.min(rows.size(), given + BATCH_ROWS);
            while (given < end && append(output, rows.get(given))) {
                given++;
            }
            output.publish(given);
            return given > before;
        }

        private boolean append(PartitionOutput output, byte[] bytes) {
            return output.append(view.pointTo(bytes, 0, bytes.length));
        }
    }
}
