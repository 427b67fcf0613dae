package dev.millrace.bench.inprocess;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.bench.spark.SparkEngine;
import dev.millrace.bench.spark.SparkQueries;
import dev.millrace.bench.workload.Answer;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.RowMeter;
import dev.millrace.bench.workload.ThroughputSampler;
import dev.millrace.bench.workload.UsedMemory;
import dev.millrace.bench.workload.Workload;
import dev.millrace.bench.workload.Workloads;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.ForeachWriter;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;

/** A workload in Spark's API from the generator to nothing, or to its answer. */
public final class SparkInProcessProgram {
    private SparkInProcessProgram() {}

    /** Arguments as in {@link InProcessTurn}. */
    public static void main(String[] words) {
        Arguments arguments = Arguments.parse(words);
        try {
            Workload workload = Workloads.of(arguments.text("work"));
            long rows = arguments.number("rows");
            SparkEngine engine = SparkEngine.of(arguments);
            try (SparkSession spark = engine.session()) {
                ObjectNode result =
                        switch (arguments.text("what")) {
                            case "speed" -> measure(spark, engine, workload, arguments);
                            case "memory" -> memory(spark, engine, workload, rows, arguments);
                            default -> answer(spark, engine, workload, rows, arguments);
                        };
                result.set("settings", new ObjectMapper().readTree(engine.settings()));
                System.out.println("result " + result);
            }
        } catch (Exception e) {
            org.slf4j.LoggerFactory.getLogger(SparkInProcessProgram.class).error("The measurement failed.", e);
            System.out.println("failed " + SparkEngine.reason(e));
        }
        System.exit(0);
    }

    private static Dataset<Row> query(SparkSession spark, Workload workload, long rows, int partitions) {
        var reader = spark.readStream()
                .format(GeneratorProvider.class.getName())
                .option("table", workload.table())
                .option("keys", workload.keyCount())
                .option("partitions", partitions);
        return SparkQueries.of(spark, workload, (rows == 0 ? reader : reader.option("rows", rows)).load());
    }

    private static ObjectNode measure(SparkSession spark, SparkEngine engine, Workload workload, Arguments arguments)
            throws Exception {
        StreamingQuery query = engine.start(
                query(spark, workload, 0, arguments.whole("cores"))
                        .writeStream()
                        .format("noop"),
                workload,
                "checkpoint");
        ThroughputSampler.Sample sample;
        try {
            sample = ThroughputSampler.sample(
                    arguments.whole("warmUpSeconds"), arguments.whole("seconds"), query::isActive);
        } catch (IllegalStateException e) {
            throw query.exception().isDefined() ? query.exception().get() : e;
        }
        query.stop();
        ObjectNode result = new ObjectMapper().createObjectNode().put("rowsPerSecond", sample.rowsPerSecond());
        result.set("perSecond", new ObjectMapper().valueToTree(sample.perSecond()));
        return result;
    }

    private static ObjectNode memory(
            SparkSession spark, SparkEngine engine, Workload workload, long rows, Arguments arguments)
            throws Exception {
        StreamingQuery query = engine.start(
                query(spark, workload, rows, arguments.whole("cores"))
                        .writeStream()
                        .format("noop"),
                workload,
                "checkpoint");
        awaitRead(query, rows);
        ObjectNode result = new ObjectMapper().createObjectNode().put("usedBytes", UsedMemory.bytesWhenSettled());
        query.stop();
        return result;
    }

    private static void awaitRead(StreamingQuery query, long rows) throws Exception {
        while (RowMeter.rows() < rows) {
            if (!query.isActive()) {
                throw query.exception().get();
            }
            Thread.sleep(10);
        }
    }

    private static ObjectNode answer(
            SparkSession spark, SparkEngine engine, Workload workload, long rows, Arguments arguments)
            throws Exception {
        Dataset<Row> asked = query(spark, workload, rows, arguments.whole("cores"));
        AnswerWriter.answer = Answer.of(workload, java.util.List.of(asked.columns()), rows);
        StreamingQuery query = engine.start(asked.writeStream().foreach(new AnswerWriter()), workload, "checkpoint");
        if (Boolean.parseBoolean(arguments.text("drain"))) {
            query.awaitTermination();
        } else {
            awaitRead(query, rows);
            // A last epoch takes through what was read; time-outs of the watermark come along with it.
            TimeUnit.SECONDS.sleep(1);
            query.stop();
        }
        AnswerWriter.answer.write(Path.of(arguments.text("answer")));
        return new ObjectMapper().createObjectNode();
    }

    /** Adds rows to the answer of the process, because Spark copies writers. */
    private static final class AnswerWriter extends ForeachWriter<Row> {
        private static final long serialVersionUID = 1L;
        private static volatile Answer answer = new Answer(java.util.List.of());

        @Override
        public boolean open(long partitionId, long epochId) {
            return true;
        }

        @Override
        public void process(Row row) {
            Object[] values = new Object[row.length()];
            for (int i = 0; i < values.length; i++) {
                values[i] = row.get(i);
            }
            answer.add(values);
        }

        @Override
        public void close(Throwable error) {}
    }
}
