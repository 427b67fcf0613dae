package dev.millrace.spark.execution;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.source.Reading;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.streaming.StreamingRelationV2;
import org.apache.spark.sql.catalyst.streaming.StreamingSourceIdentifyingName;
import org.apache.spark.sql.catalyst.types.DataTypeUtils;
import org.apache.spark.sql.classic.SparkSession;
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
import org.apache.spark.sql.execution.streaming.runtime.StreamingExecutionRelation;
import org.apache.spark.sql.execution.streaming.runtime.StreamingRelation;
import org.apache.spark.sql.execution.streaming.sources.RateStreamTable;
import org.apache.spark.sql.execution.streaming.utils.StreamingUtils;

/**
 * Makes the stream of each relation that a user wrote, once for relations that are the same.
 *
 * <p>Thread: the query's. Source: the logical plan of Spark's MicroBatchExecution.
 */
final class StreamMaker {
    private final SparkSession session;
    private final String checkpointRoot;
    private final Reading reading;
    private final OptionalLong realTimeMillis;
    private final Consumer<SparkDataStream> made;
    private final AtomicLong nextSourceId = new AtomicLong();
    private final Map<LogicalPlan, LogicalPlan> relations = new HashMap<>();

    /**
     * @param realTimeMillis the trigger's interval in real time
     * @param made told of each stream as soon as it exists, so that it can be stopped whatever follows
     */
    StreamMaker(
            SparkSession session,
            String checkpointRoot,
            Reading reading,
            OptionalLong realTimeMillis,
            Consumer<SparkDataStream> made) {
        this.session = session;
        this.checkpointRoot = checkpointRoot;
        this.reading = reading;
        this.realTimeMillis = realTimeMillis;
        this.made = made;
    }

    /** Whether a node is a relation without a stream. */
    static boolean isUnread(LogicalPlan node) {
        return node instanceof StreamingRelation || node instanceof StreamingRelationV2;
    }

    /** The relation with its stream. */
    LogicalPlan withStream(LogicalPlan node) {
        LogicalPlan known = relations.get(node);
        if (known == null) {
            known = node instanceof StreamingRelation first
                    ? ofFirstKind(first)
                    : ofSecondKind((StreamingRelationV2) node);
            relations.put(node, known);
        }
        return known;
    }

    private StreamingExecutionRelation ofFirstKind(StreamingRelation relation) {
        SparkDataStream source = relation.dataSource().createSource(metadataPath(relation.sourceIdentifyingName()));
        made.accept(source);
        return new StreamingExecutionRelation(
                source,
                relation.output(),
                relation.dataSource().catalogTable(),
                relation.sourceIdentifyingName(),
                session);
    }

    private LogicalPlan ofSecondKind(StreamingRelationV2 relation) {
        if (readsBySecondInterface(session, relation)) {
            return scanRelation(relation);
        }
        StreamingRelation first = (StreamingRelation) relation.v1Relation().get();
        SparkDataStream source = first.dataSource().createSource(metadataPath(relation.sourceIdentifyingName()));
        made.accept(source);
        return new StreamingExecutionRelation(
                source, Scala.cast(relation.output()), Scala.none(), relation.sourceIdentifyingName(), session);
    }

    /**
     * Whether a relation is read by its table rather than by the source of Spark's first interface that it carries.
     *
     * <p>Errors: UNSUPPORTED_SOURCE where neither can be.
     */
    static boolean readsBySecondInterface(SparkSession session, StreamingRelationV2 relation) {
        String disabled = session.sessionState().conf().disabledV2StreamingMicroBatchReaders();
        boolean isDisabled = Scala.optional(relation.source())
                .map(provider -> provider.getClass().getCanonicalName())
                .filter(name -> Arrays.asList(disabled.split("\\s*,\\s*")).contains(name))
                .isPresent();
        var capabilities = relation.table().capabilities();
        boolean streams = relation.table() instanceof SupportsRead
                && (capabilities.contains(TableCapability.MICRO_BATCH_READ)
                        || capabilities.contains(TableCapability.CONTINUOUS_READ));
        if (streams && !isDisabled) {
            return true;
        }
        if (relation.v1Relation().isEmpty()) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_SOURCE,
                    ("Cannot read a stream: source=%s, its table has no streaming reads, disabled by setting=%s. Use "
                                    + "another source, or leave it out of "
                                    + "spark.sql.streaming.disabledV2MicroBatchReaders.")
                            .formatted(relation.sourceName(), isDisabled));
        }
        return false;
    }

    private String metadataPath(StreamingSourceIdentifyingName name) {
        return StreamingUtils.getMetadataPath(name, nextSourceId, checkpointRoot);
    }

    private StreamingDataSourceV2ScanRelation scanRelation(StreamingRelationV2 relation) {
        String metadataPath = metadataPath(relation.sourceIdentifyingName());
        Table table = relation.table();
        ScanBuilder builder = ((SupportsRead) table).newScanBuilder(relation.extraOptions());
        if (builder instanceof SupportsPushDownRequiredColumns pruning) {
            // The whole schema, so that connectors with metadata columns include those.
            pruning.pruneColumns(DataTypeUtils.fromAttributes(Scala.cast(relation.output())));
        }
        Scan scan = builder.build();
        SparkDataStream stream = reading == Reading.REAL_TIME
                ? realTimeStream(table, scan, metadataPath)
                : scan.toMicroBatchStream(metadataPath);
        made.accept(stream);
        StreamingDataSourceV2Relation inner = new StreamingDataSourceV2Relation(
                table,
                relation.output(),
                relation.catalog(),
                relation.identifier(),
                relation.extraOptions(),
                metadataPath,
                realTimeMillis.isPresent() ? Scala.cast(Scala.option(realTimeMillis.getAsLong())) : Scala.none(),
                relation.sourceIdentifyingName());
        return new StreamingDataSourceV2ScanRelation(
                inner, scan, relation.output(), stream, Scala.none(), Scala.none());
    }

    /**
     * The real-time stream of a table, or else its continuous one, or else the one that is read batch by batch. A
     * table does not tell whether its batch stream reads in real time; the stream does.
     */
    private static SparkDataStream realTimeStream(Table table, Scan scan, String metadataPath) {
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
}
