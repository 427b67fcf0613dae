package dev.millrace.bench.inprocess;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import dev.millrace.bench.spark.SparkEngine;
import dev.millrace.bench.spark.SparkQueries;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Workload;
import dev.millrace.bench.workload.Workloads;
import java.lang.management.ManagementFactory;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.ForeachWriter;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;

/**
 * Starts the same query again and again in one session: how long until its first answer, and what it costs once there
 * is nothing more to read.
 */
public final class SparkStartupProgram {
    private static final int ROWS = 1_000;
    private static final long ANSWER_SECONDS = 120;

    private SparkStartupProgram() {}

    /** Takes engine, work, cores, folder, starts and idleSeconds. */
    public static void main(String[] words) {
        Arguments arguments = Arguments.parse(words);
        try {
            SparkEngine engine = SparkEngine.of(arguments);
            SparkSession spark = engine.session();
            ObjectNode result = new ObjectMapper().createObjectNode();
            ArrayNode millis = result.putArray("startMillis");
            int starts = arguments.whole("starts");
            for (int i = 0; i < starts; i++) {
                long start = System.nanoTime();
                StreamingQuery query = start(spark, engine, arguments, "checkpoint-" + i);
                FirstRow.await(query);
                millis.add((System.nanoTime() - start) / 1e6);
                if (i == starts - 1) {
                    result.put("idlePercent", idlePercent(arguments.whole("idleSeconds")));
                }
                query.stop();
            }
            result.set("settings", new ObjectMapper().readTree(engine.settings()));
            System.out.println("result " + result);
        } catch (Exception e) {
            org.slf4j.LoggerFactory.getLogger(SparkStartupProgram.class).error("The measurement failed.", e);
            System.out.println("failed " + SparkEngine.reason(e));
        }
        System.exit(0);
    }

    private static StreamingQuery start(SparkSession spark, SparkEngine engine, Arguments arguments, String checkpoint)
            throws Exception {
        Workload workload = Workloads.of(arguments.text("work"));
        FirstRow.seen = new CountDownLatch(1);
        var in = spark.readStream()
                .format(GeneratorProvider.class.getName())
                .option("table", workload.table())
                .option("keys", workload.keyCount())
                .option("partitions", arguments.whole("cores"))
                .option("rows", ROWS)
                .load();
        return engine.start(
                SparkQueries.of(spark, workload, in).writeStream().foreach(new FirstRow()), workload, checkpoint);
    }

    /** Of one core, once the query has had time to settle. */
    private static double idlePercent(int seconds) throws InterruptedException {
        OperatingSystemMXBean process = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        TimeUnit.SECONDS.sleep(seconds);
        long cpu = process.getProcessCpuTime();
        long start = System.nanoTime();
        TimeUnit.SECONDS.sleep(seconds);
        return 100.0 * (process.getProcessCpuTime() - cpu) / (System.nanoTime() - start);
    }

    /** Tells of the first row, to the process, because Spark copies writers. */
    private static final class FirstRow extends ForeachWriter<Row> {
        private static final long serialVersionUID = 1L;
        private static volatile CountDownLatch seen = new CountDownLatch(1);

        static void await(StreamingQuery query) throws Exception {
            for (int second = 0; second < ANSWER_SECONDS * 10; second++) {
                if (seen.await(100, TimeUnit.MILLISECONDS)) {
                    return;
                }
                if (query.exception().isDefined()) {
                    throw query.exception().get();
                }
            }
            throw new IllegalStateException("Cannot measure: no answer in %d s.".formatted(ANSWER_SECONDS));
        }

        @Override
        public boolean open(long partitionId, long epochId) {
            return true;
        }

        @Override
        public void process(Row row) {
            seen.countDown();
        }

        @Override
        public void close(Throwable error) {}
    }
}
