package dev.millrace.spark.execution;

import dev.millrace.spark.scala.Scala;
import dev.millrace.spark.source.PortionedSource;
import dev.millrace.spark.source.SourceFactory;
import dev.millrace.spark.source.SparkSource;
import dev.millrace.spark.source.StreamLeaf;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import scala.collection.immutable.Seq;

/**
 * The streams of a query, and its plan with them in place of the relations that the user wrote. Each
 * distinct relation gets one stream, so a union of a stream with itself reads it once.
 *
 * @param plan the analysed plan, its sources as {@link StreamLeaf}s
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
     * @param maker makes the stream of each relation
     * @param factory makes the source of each stream
     *
     * <p>Errors: UNSUPPORTED_SOURCE.
     */
    static QuerySources create(LogicalPlan analyzed, StreamMaker maker, SourceFactory factory) {
        LogicalPlan plan =
                Scala.cast(analyzed.transform(Scala.<LogicalPlan>rule(StreamMaker::isUnread, maker::withStream)));
        List<StreamLeaf> leaves = new ArrayList<>();
        collect(plan, leaves);
        List<SparkDataStream> occurrences = new ArrayList<>();
        Map<String, SparkDataStream> byId = new LinkedHashMap<>();
        Map<SparkDataStream, SparkSource> sources = new LinkedHashMap<>();
        for (StreamLeaf leaf : leaves) {
            String position = String.valueOf(occurrences.size());
            occurrences.add(leaf.stream());
            byId.put(leaf.givenName().orElse(position), leaf.stream());
            sources.computeIfAbsent(leaf.stream(), stream -> factory.create(leaf));
        }
        return new QuerySources(plan, List.copyOf(occurrences), byId, List.copyOf(sources.values()));
    }

    private static void collect(LogicalPlan node, List<StreamLeaf> leaves) {
        StreamLeaf.of(node).ifPresent(leaves::add);
        for (LogicalPlan child : Scala.<LogicalPlan>list(node.children())) {
            collect(child, leaves);
        }
    }

    /** The sources, of a query in bounded epochs. */
    List<PortionedSource> portioned() {
        return sources.stream().map(PortionedSource.class::cast).toList();
    }

    Seq<SparkDataStream> scalaOccurrences() {
        return Scala.seq(occurrences);
    }

    scala.collection.immutable.Map<String, SparkDataStream> scalaById() {
        return Scala.immutableMap(byId);
    }
}
