package dev.millrace.spark.execution;

import dev.millrace.spark.scala.Scala;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.streaming.WriteToStream;
import org.apache.spark.sql.catalyst.streaming.WriteToStreamStatement;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.execution.streaming.ProcessingTimeTrigger;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.Trigger;
import org.apache.spark.util.Clock;
import scala.Option;
import scala.Tuple2;
import scala.collection.immutable.Map;

/**
 * What {@code DataStreamWriter.start} asked for.
 *
 * @param session the manager's session
 * @param name the user's name for the query
 * @param checkpointLocation the user's checkpoint location
 * @param options the writer's options
 * @param pace how epochs follow one another, by the trigger
 * @param triggerClock tells when a trigger interval is over
 */
public record QueryRequest(
        SparkSession session,
        Option<String> name,
        Option<String> sinkName,
        Option<String> checkpointLocation,
        Dataset<?> query,
        Map<String, String> options,
        Table sink,
        OutputMode outputMode,
        boolean useTempCheckpointLocation,
        boolean recoverFromCheckpointLocation,
        Trigger trigger,
        Pace pace,
        Clock triggerClock,
        Option<Tuple2<TableCatalog, Identifier>> catalogAndIdentifier,
        Option<CatalogTable> catalogTable) {

    LogicalPlan analyzed() {
        query.queryExecution().assertAnalyzed();
        return query.queryExecution().analyzed();
    }

    /**
     * Runs Spark's own checks of streaming queries and resolves the checkpoint location. The trigger
     * is a stand-in: for a real-time one Spark would check what only its own real-time mode cannot do.
     */
    WriteToStream resolve() {
        WriteToStreamStatement statement = new WriteToStreamStatement(
                name,
                sinkName,
                checkpointLocation,
                useTempCheckpointLocation,
                recoverFromCheckpointLocation,
                sink,
                outputMode,
                query.sparkSession().sessionState().newHadoopConf(),
                ProcessingTimeTrigger.apply(0L),
                analyzed(),
                catalogAndIdentifier,
                catalogTable);
        var state = session.sessionState();
        return Scala.cast(
                state.executePlan(statement, state.executePlan$default$2()).analyzed());
    }
}
