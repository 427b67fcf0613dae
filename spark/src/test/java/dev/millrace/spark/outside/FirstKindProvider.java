package dev.millrace.spark.outside;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SQLContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.Offset;
import org.apache.spark.sql.execution.streaming.Source;
import org.apache.spark.sql.execution.streaming.runtime.LongOffset;
import org.apache.spark.sql.sources.StreamSourceProvider;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import scala.Option;
import scala.Tuple2;
import scala.collection.immutable.Map;

/**
 * A source of Spark's first interface: the numbers from 0 up to what {@link #grow} says, in three partitions a batch.
 * Springs the trap {@code first-kind} for each number that it gives.
 */
public final class FirstKindProvider implements StreamSourceProvider {
    private static final StructType SCHEMA = new StructType().add("value", DataTypes.LongType, false);
    private static volatile long count;
    private static volatile long committed;

    public static void reset() {
        count = 0;
        committed = 0;
    }

    public static void grow(long newCount) {
        count = newCount;
    }

    public static long committed() {
        return committed;
    }

    @Override
    public Tuple2<String, StructType> sourceSchema(
            SQLContext context, Option<StructType> schema, String provider, Map<String, String> parameters) {
        return new Tuple2<>("first-kind", SCHEMA);
    }

    @Override
    public Source createSource(
            SQLContext context,
            String metadataPath,
            Option<StructType> schema,
            String provider,
            Map<String, String> parameters) {
        return new NumberSource((SparkSession) context.sparkSession());
    }

    private record NumberSource(SparkSession session) implements Source {
        @Override
        public StructType schema() {
            return SCHEMA;
        }

        @Override
        public Option<Offset> getOffset() {
            return count == 0 ? Option.empty() : Option.apply(new LongOffset(count));
        }

        @Override
        public Dataset<Row> getBatch(Option<Offset> start, Offset end) {
            long from = start.isEmpty() ? 0 : Long.parseLong(start.get().json());
            List<InternalRow> rows = new ArrayList<>();
            for (long i = from; i < Long.parseLong(end.json()); i++) {
                rows.add(new GenericInternalRow(new Object[] {i}));
            }
            var context = JavaSparkContext.fromSparkContext(session.sparkContext());
            return session.internalCreateDataFrame(
                    context.parallelize(rows, 3).map(FirstKindProvider::given).rdd(), SCHEMA, true);
        }

        @Override
        public void commit(Offset end) {
            committed = Long.parseLong(end.json());
        }

        @Override
        public void stop() {}
    }

    private static InternalRow given(InternalRow row) {
        Traps.pass("first-kind");
        return row;
    }
}
