package dev.millrace.spark.sink;

import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * What a query wants to write.
 *
 * @param session the query's session
 * @param sink what Spark made of the format and its options
 * @param options the writer's options
 * @param schema the rows
 * @param outputMode the query's output mode
 * @param queryId the query's id, the same in every run on one checkpoint
 * @param checkpointRoot the checkpoint's location, for what the write has to keep between prepare and commit
 * @param intervalMillis how often an epoch ends
 * @param isBounded whether epochs are bounded, so that sinks see them as micro-batches
 */
public record WriteRequest(
        SparkSession session,
        Table sink,
        CaseInsensitiveStringMap options,
        StructType schema,
        OutputMode outputMode,
        String queryId,
        String checkpointRoot,
        long intervalMillis,
        boolean isBounded) {}
