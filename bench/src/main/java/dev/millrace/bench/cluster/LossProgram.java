package dev.millrace.bench.cluster;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.udf;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.bench.kafka.SparkKafkaProgram;
import dev.millrace.bench.spark.SparkEngine;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.spark.metrics.FailureFigures;
import dev.millrace.spark.metrics.QueryFigures;
import dev.millrace.spark.metrics.QueryRegistry;
import java.util.List;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.types.DataTypes;

/**
 * The query whose executors are lost: as in {@link SparkKafkaProgram}, with the life of the answering task in each answer.
 * Besides what that prints, {@code failure {"millis":…,"message":…}} for each failure that the query tells of.
 */
final class LossProgram {
    /** A setting: the length of epochs, as Spark writes it. */
    static final String EPOCH = "epoch";

    /** The answers' column. */
    static final String LIFE = "life";

    /** How often it looks for failures; they carry the time at which they were heard of. */
    private static final long LOOK_MILLIS = 20;

    private LossProgram() {}

    /** Arguments as in {@link SparkKafkaProgram}; {@link #EPOCH} is set. */
    public static void main(String[] words) {
        Arguments arguments = Arguments.parse(words);
        SparkKafkaProgram.run(
                arguments,
                SparkEngine.of(arguments, arguments.text(SparkEngine.SET + EPOCH)),
                rows -> rows.withColumn(
                        LIFE, udf(new TaskLife(), DataTypes.LongType).apply(col("created"))),
                LossProgram::tellFailures);
    }

    private static void tellFailures(StreamingQuery query) {
        Thread thread = new Thread(() -> look(query), "failures");
        thread.setDaemon(true);
        thread.start();
    }

    private static void look(StreamingQuery query) {
        QueryRegistry registry = QueryRegistry.of(query.sparkSession().sparkContext());
        long told = 0;
        try {
            while (query.isActive()) {
                QueryFigures figures = registry.find(query.runId()); // null until the query's own thread has begun
                told = figures == null ? told : tell(figures.failures(), told);
                Thread.sleep(LOOK_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Tells of those that are newer, the oldest first, and gives the time of the last. */
    private static long tell(List<FailureFigures> newestFirst, long toldMillis) {
        long last = toldMillis;
        for (int i = newestFirst.size() - 1; i >= 0; i--) {
            FailureFigures failure = newestFirst.get(i);
            if (failure.timeMillis() > toldMillis) {
                last = failure.timeMillis();
                ObjectNode told = new ObjectMapper().createObjectNode();
                System.out.println("failure " + told.put("millis", last).put("message", failure.message()));
            }
        }
        return last;
    }
}
