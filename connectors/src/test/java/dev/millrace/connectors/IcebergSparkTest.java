package dev.millrace.connectors;

import static dev.millrace.spark.LocalSpark.every;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.spark.LocalSpark;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.apache.iceberg.PartitionSpec;
import org.apache.iceberg.Schema;
import org.apache.iceberg.SortOrder;
import org.apache.iceberg.Table;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.hadoop.HadoopTables;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.mapping.MappingUtil;
import org.apache.iceberg.mapping.NameMappingParser;
import org.apache.iceberg.types.Types;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.sources.LowLatencyMemoryStream;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * An Iceberg table that a real-time query appends to by {@code foreachBatch} and Iceberg's own library. Its newest catalog and
 * format for Spark are made for 4.1, and 4.2 cannot load them.
 */
@Timeout(180)
final class IcebergSparkTest {
    @TempDir
    private Path folder;

    private static SparkSession session;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
    }

    @AfterAll
    static void stop() {
        LocalSpark.stop(session);
    }

    @Test
    void appendsEachEpochOnce() throws Exception {
        Table table = createTable();
        LowLatencyMemoryStream<Long> numbers = LocalSpark.numbers(session, 2);
        IcebergAppend append = new IcebergAppend(table.location(), "numbers");
        StreamingQuery query = numbers.toDF()
                .writeStream()
                .outputMode("update")
                .option("checkpointLocation", folder.resolve("checkpoint").toString())
                .trigger(every(200))
                .foreachBatch(append)
                .start();
        for (int from = 0; from < 40; from += 10) {
            LocalSpark.add(numbers, LongStream.range(from, from + 10).toArray());
            query.processAllAvailable();
        }
        query.stop();
        assertThat(LocalSpark.isOnMillrace(query)).isTrue();
        List<Long> all = LongStream.range(0, 40).boxed().toList();
        assertThat(values(table)).containsExactlyInAnyOrderElementsOf(all);

        // As after a crash between the sink's commit and the commit log's entry.
        Dataset<Row> again = session.range(1_000, 1_010).toDF("value");
        append.call(again, epochOf(table));
        assertThat(values(table)).containsExactlyInAnyOrderElementsOf(all);
    }

    @Test
    void isNoTableToThisSpark() {
        String location = createTable().location();
        // Once this fails there is a runtime for this Spark: tests and docs/connectors.md can go by its catalog then.
        assertThatThrownBy(() -> session.read().format("iceberg").load(location).collect())
                .isInstanceOf(IncompatibleClassChangeError.class)
                .hasMessageContaining("org.apache.spark.sql.connector.catalog");
    }

    private Table createTable() {
        Schema schema = new Schema(Types.NestedField.optional(1, "value", Types.LongType.get()));
        return new HadoopTables()
                .create(
                        schema,
                        PartitionSpec.unpartitioned(),
                        SortOrder.unsorted(),
                        // Files that Spark alone wrote have no ids in their columns.
                        Map.of("schema.name-mapping.default", NameMappingParser.toJson(MappingUtil.create(schema))),
                        folder.resolve("table").toString());
    }

    private static long epochOf(Table table) {
        String name = table.currentSnapshot().summary().get("epoch");
        return Long.parseLong(name.substring(name.lastIndexOf('-') + 1));
    }

    private static List<Long> values(Table table) throws Exception {
        table.refresh();
        List<Long> values = new ArrayList<>();
        try (CloseableIterable<Record> records = IcebergGenerics.read(table).build()) {
            records.forEach(one -> values.add((Long) one.getField("value")));
        }
        return values;
    }
}
