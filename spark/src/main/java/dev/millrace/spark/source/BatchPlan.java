package dev.millrace.spark.source;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.spark.fragment.TaskCopies;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.spark.Dependency;
import org.apache.spark.Partition;
import org.apache.spark.ShuffleDependency;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.QueryPlanningTracker;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.FileSourceMetadataAttribute$;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.CommandExecutionMode;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.datasources.LogicalRelation;
import org.apache.spark.sql.execution.streaming.runtime.StreamingExecutionRelation;
import org.jspecify.annotations.Nullable;
import scala.Option;
import scala.collection.Iterator;

/**
 * Turns the DataFrame that a stream of Spark's first interface gives for a batch into splits: Spark plans it, and
 * each partition of its RDD is computed where it is read, without a job.
 *
 * <p>Thread: one at a time, in no task. Source: Spark's MicroBatchExecution, for how a batch's columns become
 * those of the relation that the query reads.
 *
 * <p>Errors: UNSUPPORTED_SOURCE where the DataFrame needs a shuffle.
 */
final class BatchPlan {
    private BatchPlan() {}

    static List<Split> splits(SparkSession session, StreamingExecutionRelation relation, Dataset<?> batch) {
        LogicalPlan plan = withColumnsOf(relation, batch.logicalPlan());
        RDD<InternalRow> rdd = new BatchExecution(session, plan).executedPlan().execute();
        Partition[] partitions = rdd.partitions();
        refuseShuffle(relation, rdd);
        TaskCopies<RDD<InternalRow>> copies = TaskCopies.of(rdd);
        List<Split> splits = new ArrayList<>();
        for (Partition partition : partitions) {
            splits.add(new RddSplit(copies, partition));
        }
        return splits;
    }

    /** A partition of an RDD. In the driver the copies hold the original, and so what Spark broadcast for it. */
    private record RddSplit(TaskCopies<RDD<InternalRow>> copies, Partition partition) implements RowSplit {
        @Override
        public Rows open() {
            return new IteratorRows(copies.copy().iterator(partition, TaskContext.get()));
        }
    }

    /** A batch's plan through Spark's own optimizer and planner, which else refuse to plan a stream's rows. */
    private static final class BatchExecution extends QueryExecution {
        BatchExecution(SparkSession session, LogicalPlan plan) {
            super(
                    session,
                    plan,
                    new QueryPlanningTracker(Option.empty()),
                    CommandExecutionMode.SKIP(),
                    Option.empty(),
                    false,
                    UUID.randomUUID(),
                    Option.empty());
        }

        @Override
        public void assertSupported() {}
    }

    private static LogicalPlan withColumnsOf(StreamingExecutionRelation relation, LogicalPlan batch) {
        List<Attribute> wanted = Scala.list(relation.output());
        boolean withMetadata = wanted.stream().anyMatch(BatchPlan::isFileMetadata);
        LogicalPlan plan = Scala.cast(batch.transformUp(Scala.<LogicalPlan>rule(
                node -> node instanceof LogicalRelation || (withMetadata && node instanceof Project),
                node -> node instanceof LogicalRelation files
                        ? completed(files, withMetadata, relation.catalogTable())
                        : withMetadata((Project) node))));
        List<Attribute> given = Scala.list(plan.output());
        if (given.size() != wanted.size()) {
            throw new MillraceException(
                    ErrorCode.SOURCE_FAILED,
                    "Cannot read a batch: source=%s gave columns %s, expected %s. Give the stream the schema that its batches have."
                            .formatted(relation.source(), given, wanted));
        }
        List<NamedExpression> columns = new ArrayList<>();
        for (int i = 0; i < wanted.size(); i++) {
            Attribute column = wanted.get(i);
            columns.add(new Alias(
                    given.get(i),
                    column.name(),
                    column.exprId(),
                    Scala.emptySeq(),
                    Scala.option(given.get(i).metadata()),
                    Scala.emptySeq()));
        }
        return new Project(Scala.seq(columns), plan);
    }

    private static boolean isFileMetadata(Attribute attribute) {
        return attribute instanceof AttributeReference reference
                && FileSourceMetadataAttribute$.MODULE$.unapply(reference).isDefined();
    }

    private static LogicalPlan completed(LogicalRelation files, boolean withMetadata, Option<CatalogTable> table) {
        LogicalRelation relation = withMetadata ? files.withMetadataColumns() : files;
        return relation.catalogTable().isEmpty() && table.isDefined()
                ? relation.copy(
                        relation.relation(), relation.output(), table, relation.isStreaming(), relation.stream())
                : relation;
    }

    private static LogicalPlan withMetadata(Project project) {
        List<NamedExpression> columns = Scala.list(project.projectList());
        for (Attribute column : Scala.<Attribute>list(project.metadataOutput())) {
            if (!project.outputSet().contains(column)) {
                columns.add(column);
            }
        }
        return project.copy(Scala.seq(columns), project.child());
    }

    private static void refuseShuffle(StreamingExecutionRelation relation, RDD<?> rdd) {
        for (Dependency<?> dependency : Scala.<Dependency<?>>list(rdd.dependencies())) {
            if (dependency instanceof ShuffleDependency) {
                throw new MillraceException(
                        ErrorCode.UNSUPPORTED_SOURCE,
                        ("Cannot read a batch without a job: source=%s gives batches that need a shuffle, rdd=%s. Use "
                                        + "another source, or run the query on Spark alone with spark.millrace.enabled=false.")
                                .formatted(relation.source(), rdd));
            }
            refuseShuffle(relation, dependency.rdd());
        }
    }

    /** The rows of an RDD's partition. */
    private static final class IteratorRows implements RowSplit.Rows {
        private final Iterator<InternalRow> rows;
        private @Nullable InternalRow row;

        IteratorRows(Iterator<InternalRow> rows) {
            this.rows = rows;
        }

        @Override
        public boolean next() {
            if (!rows.hasNext()) {
                return false;
            }
            row = rows.next();
            return true;
        }

        @Override
        public InternalRow row() {
            return java.util.Objects.requireNonNull(row);
        }

        /** What the iterator holds is tied to the task that it was opened in. */
        @Override
        public void close() {}
    }
}
