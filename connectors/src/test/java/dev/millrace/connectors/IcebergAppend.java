package dev.millrace.connectors;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.stream.StreamSupport;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.iceberg.AppendFiles;
import org.apache.iceberg.DataFiles;
import org.apache.iceberg.MetricsConfig;
import org.apache.iceberg.Table;
import org.apache.iceberg.hadoop.HadoopInputFile;
import org.apache.iceberg.hadoop.HadoopTables;
import org.apache.iceberg.mapping.MappingUtil;
import org.apache.iceberg.parquet.ParquetUtil;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * Appends each epoch's rows to an Iceberg table without a partition, in a snapshot that says of which query and epoch it is:
 * an epoch that comes a second time finds its snapshot and adds nothing.
 *
 * <p>Spark writes the files; Iceberg's library alone commits them.
 */
final class IcebergAppend implements VoidFunction2<Dataset<Row>, Long> {
    private static final long serialVersionUID = 1L;
    private static final String EPOCH = "epoch";

    private final String location;
    private final String query;

    /**
     * @param location where the table is
     * @param query tells this query from others that write to the table
     */
    IcebergAppend(String location, String query) {
        this.location = location;
        this.query = query;
    }

    @Override
    public void call(Dataset<Row> rows, Long epoch) {
        Configuration hadoop = new Configuration();
        Table table = new HadoopTables(hadoop).load(location);
        String name = query + "-" + epoch;
        boolean isThere = StreamSupport.stream(table.snapshots().spliterator(), false)
                .anyMatch(snapshot -> name.equals(snapshot.summary().get(EPOCH)));
        if (isThere) {
            return;
        }
        Path folder = new Path(table.location(), "data/" + name);
        rows.write().mode("overwrite").parquet(folder.toString());
        AppendFiles append = table.newAppend().set(EPOCH, name);
        try {
            for (FileStatus file : folder.getFileSystem(hadoop).globStatus(new Path(folder, "*.parquet"))) {
                HadoopInputFile input = HadoopInputFile.fromStatus(file, hadoop);
                append.appendFile(DataFiles.builder(table.spec())
                        .withInputFile(input)
                        .withFormat("parquet")
                        .withMetrics(ParquetUtil.fileMetrics(
                                input, MetricsConfig.forTable(table), MappingUtil.create(table.schema())))
                        .build());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        append.commit();
    }
}
