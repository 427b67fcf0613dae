package dev.millrace.spark.execution;

import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.source.SparkSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.streaming.StreamingRelationV2;
import org.apache.spark.sql.catalyst.types.DataTypeUtils;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.connector.read.SupportsPushDownRequiredColumns;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.connector.read.streaming.SupportsRealTimeMode;
import org.apache.spark.sql.execution.datasources.v2.StreamingDataSourceV2Relation;
import org.apache.spark.sql.execution.datasources.v2.StreamingDataSourceV2ScanRelation;
import org.apache.spark.sql.execution.streaming.runtime.MemoryStreamTable;
import org.apache.spark.sql.execution.streaming.sources.RateStreamTable;
import org.apache.spark.sql.execution.streaming.utils.StreamingUtils;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.StructType;
import scala.collection.immutable.Seq;

/**
 * The streams of a query, and its plan with them in place of the relations that the user wrote. Each
 * distinct relation gets one stream, so a union of a stream with itself reads it once.
 *
 * @param plan the analysed plan, its sources as {@code StreamingDataSourceV2ScanRelation}
 * @param occurrences the streams in the order of the plan's leaves, one that is used twice twice:
 *     what the offset log holds
 * @param byId the streams by the log's names for them: the user's, or their numbers
 * @param sources one reader of each distinct stream
 */
record QuerySources(
        LogicalPlan plan,
        List<SparkDataStream> occurrences,
        Map<String, SparkDataStream> byId,
        List<SparkSource> sources) {

    /**
     * Makes the streams.
     *
     * @param conf the query's settings
     * @param made told of each stream as soon as it exists, so that it can be stopped whatever follows
     *
     * <p>Errors: UNSUPPORTED_SOURCE.
     */
    static QuerySources create(
            SQLConf conf,
            LogicalPlan analyzed,
            String checkpointRoot,
            long intervalMillis,
            Consumer<SparkDataStream> made) {
        AtomicLong nextSourceId = new AtomicLong();
        Map<StreamingRelationV2, StreamingDataSourceV2ScanRelation> relations = new HashMap<>();
        LogicalPlan plan = Scala.cast(analyzed.transform(Scala.rule(
                node -> node instanceof StreamingRelationV2,
                node -> relations.computeIfAbsent((StreamingRelationV2) node, relation -> {
                    String metadataPath = StreamingUtils.getMetadataPath(
                            relation.sourceIdentifyingName(), nextSourceId, checkpointRoot);
                    return scanRelation(relation, metadataPath, intervalMillis, made);
                }))));
        List<StreamingDataSourceV2ScanRelation> leaves = new ArrayList<>();
        collect(plan, leaves);
        List<SparkDataStream> occurrences = new ArrayList<>();
        Map<String, SparkDataStream> byId = new LinkedHashMap<>();
        Map<SparkDataStream, SparkSource> sources = new LinkedHashMap<>();
        for (StreamingDataSourceV2ScanRelation leaf : leaves) {
            String position = String.valueOf(occurrences.size());
            occurrences.add(leaf.stream());
            byId.put(
                    Scala.optional(leaf.relation().sourceIdentifyingName().nameOpt())
                            .orElse(position),
                    leaf.stream());
            sources.computeIfAbsent(
                    leaf.stream(), stream -> SparkSource.of(conf, nameOf(leaf), stream, schemaOf(leaf)));
        }
        return new QuerySources(plan, List.copyOf(occurrences), byId, List.copyOf(sources.values()));
    }

    private static StreamingDataSourceV2ScanRelation scanRelation(
            StreamingRelationV2 relation, String metadataPath, long intervalMillis, Consumer<SparkDataStream> made) {
        Table table = relation.table();
        ScanBuilder builder = ((SupportsRead) table).newScanBuilder(relation.extraOptions());
        if (builder instanceof SupportsPushDownRequiredColumns pruning) {
            // The whole schema, so that connectors with metadata columns include those.
            pruning.pruneColumns(DataTypeUtils.fromAttributes(Scala.cast(relation.output())));
        }
        Scan scan = builder.build();
        SparkDataStream stream = stream(table, scan, metadataPath);
        made.accept(stream);
        StreamingDataSourceV2Relation inner = new StreamingDataSourceV2Relation(
                table,
                relation.output(),
                relation.catalog(),
                relation.identifier(),
                relation.extraOptions(),
                metadataPath,
                Scala.option(intervalMillis),
                relation.sourceIdentifyingName());
        return new StreamingDataSourceV2ScanRelation(
                inner, scan, relation.output(), stream, Scala.none(), Scala.none());
    }

    /**
     * The real-time stream of a table, or else its continuous one. A table does not tell whether its
     * batch stream reads in real time; the stream does.
     */
    private static SparkDataStream stream(Table table, Scan scan, String metadataPath) {
        if (table instanceof MemoryStreamTable memory) {
            return prepared(memory.stream());
        }
        boolean batches = table.capabilities().contains(TableCapability.MICRO_BATCH_READ);
        boolean continuous = table.capabilities().contains(TableCapability.CONTINUOUS_READ);
        // The rate source's batch stream writes to the checkpoint as soon as it is made.
        if (!batches || table instanceof RateStreamTable) {
            return scan.toContinuousStream(metadataPath);
        }
        MicroBatchStream stream = scan.toMicroBatchStream(metadataPath);
        if (stream instanceof SupportsRealTimeMode || !continuous) {
            return prepared(stream);
        }
        stream.stop();
        return scan.toContinuousStream(metadataPath);
    }

    private static SparkDataStream prepared(SparkDataStream stream) {
        if (stream instanceof SupportsRealTimeMode realTime) {
            realTime.prepareForRealTimeMode();
        }
        return stream;
    }

    private static void collect(LogicalPlan node, List<StreamingDataSourceV2ScanRelation> leaves) {
        if (node instanceof StreamingDataSourceV2ScanRelation leaf) {
            leaves.add(leaf);
        }
        for (LogicalPlan child : Scala.<LogicalPlan>list(node.children())) {
            collect(child, leaves);
        }
    }

    private static String nameOf(StreamingDataSourceV2ScanRelation leaf) {
        return leaf.stream().toString();
    }

    private static StructType schemaOf(StreamingDataSourceV2ScanRelation leaf) {
        return DataTypeUtils.fromAttributes(Scala.cast(leaf.output()));
    }

    Seq<SparkDataStream> scalaOccurrences() {
        return Scala.seq(occurrences);
    }

    scala.collection.immutable.Map<String, SparkDataStream> scalaById() {
        return Scala.immutableMap(byId);
    }
}
