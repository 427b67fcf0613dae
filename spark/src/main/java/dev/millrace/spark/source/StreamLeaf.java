package dev.millrace.spark.source;

import dev.millrace.spark.scala.Scala;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.types.DataTypeUtils;
import org.apache.spark.sql.connector.read.streaming.SparkDataStream;
import org.apache.spark.sql.execution.datasources.v2.StreamingDataSourceV2ScanRelation;
import org.apache.spark.sql.execution.streaming.runtime.StreamingExecutionRelation;
import org.apache.spark.sql.types.StructType;

/**
 * A relation in a query's plan that carries a stream, of either of Spark's interfaces.
 *
 * @param relation the node
 * @param stream what it reads
 * @param givenName the user's name for the source
 */
public record StreamLeaf(LogicalPlan relation, SparkDataStream stream, Optional<String> givenName) {
    /** The leaf that a plan's node is, if it is one. */
    public static Optional<StreamLeaf> of(LogicalPlan node) {
        if (node instanceof StreamingDataSourceV2ScanRelation scan) {
            return Optional.of(new StreamLeaf(
                    scan,
                    scan.stream(),
                    Scala.optional(scan.relation().sourceIdentifyingName().nameOpt())));
        }
        if (node instanceof StreamingExecutionRelation first) {
            return Optional.of(new StreamLeaf(
                    first,
                    first.source(),
                    Scala.optional(first.sourceIdentifyingName().nameOpt())));
        }
        return Optional.empty();
    }

    /** What errors and {@code explain} call the source. */
    public String name() {
        String text = stream.toString();
        Class<?> kind = stream.getClass();
        boolean saysNothing = text.startsWith(kind.getName() + "@"); // as Object has it
        return saysNothing ? kind.getSimpleName() : text;
    }

    /** The columns of its rows. */
    public List<Attribute> output() {
        return Scala.list(relation.output());
    }

    StructType schema() {
        return DataTypeUtils.fromAttributes(Scala.cast(relation.output()));
    }
}
