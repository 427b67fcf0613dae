package dev.millrace.bench.epochs;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.bench.workload.Arguments;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryProgress;
import org.apache.spark.sql.types.DataTypes;

/**
 * One turn in a JVM of its own: fills the state, and then has a function of the query fail now and then, each time
 * after epochs were committed. Prints one line, {@code result <json>} or {@code failed <why>}.
 */
public final class RecoveryProgram {
    private static final int EPOCHS_BETWEEN = 2;

    private RecoveryProgram() {}

    /** Takes folder, epoch, its length as Spark writes it, rate, keys and failures. */
    public static void main(String[] words) {
        Arguments arguments = Arguments.parse(words);
        try {
            UpdatesQuery queries = UpdatesQuery.of(arguments);
            System.out.println("result " + run(arguments, queries));
            queries.spark().stop();
        } catch (Exception e) {
            System.out.println("failed " + e);
            org.slf4j.LoggerFactory.getLogger(RecoveryProgram.class).error("The measurement failed.", e);
        }
        System.exit(0);
    }

    private static ObjectNode run(Arguments arguments, UpdatesQuery queries) throws Exception {
        int keys = arguments.whole("keys");
        queries.spark().udf().register("failing", new FailingWhenAsked(), DataTypes.LongType);
        StreamingQuery query =
                queries.start("full", keys, rows -> rows.withColumn("amount", functions.expr("failing(amount)")));
        UpdatesQuery.await(query, () -> UpdateMeter.filled() >= keys);
        ObjectNode result = new ObjectMapper().createObjectNode();
        ArrayNode millis = result.putArray("replayMillis");
        for (int i = 0; i < arguments.whole("failures"); i++) {
            long seen = epoch(query);
            UpdatesQuery.await(query, () -> epoch(query) >= seen + EPOCHS_BETWEEN);
            FailingWhenAsked.fail();
            UpdatesQuery.await(query, FailingWhenAsked::isReplayed);
            millis.add(FailingWhenAsked.tookNanos() / 1e6);
        }
        query.stop();
        return result;
    }

    private static long epoch(StreamingQuery query) {
        StreamingQueryProgress last = query.lastProgress();
        return last == null ? -1 : last.batchId();
    }
}
