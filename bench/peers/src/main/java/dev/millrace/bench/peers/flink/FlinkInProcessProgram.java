package dev.millrace.bench.peers.flink;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.bench.workload.Answer;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.RowMeter;
import dev.millrace.bench.workload.ThroughputSampler;
import dev.millrace.bench.workload.UsedMemory;
import dev.millrace.bench.workload.Workload;
import dev.millrace.bench.workload.Workloads;
import java.nio.file.Path;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.TableDescriptor;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.DoubleType;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.CloseableIterator;

/** A workload on Flink from the generator to nothing, or to its answer. */
public final class FlinkInProcessProgram {
    /** Card, amount and stamp, where they are in the table of transactions. */
    private static final int[] TOTALS_COLUMNS = {0, 1, 4};

    private FlinkInProcessProgram() {}

    /** Takes engine, work, cores, folder, rows (0 for no end), what is asked for, seconds and warmUpSeconds. */
    public static void main(String[] words) {
        Arguments arguments = Arguments.parse(words);
        try {
            System.out.println("result " + run(arguments));
        } catch (Exception e) {
            org.slf4j.LoggerFactory.getLogger(FlinkInProcessProgram.class).error("The measurement failed.", e);
            System.out.println("failed " + FlinkEngine.reason(e));
        }
        System.exit(0);
    }

    /** The figures asked for and the settings in force. */
    static ObjectNode run(Arguments arguments) throws Exception {
        FlinkEngine engine = new FlinkEngine(arguments, false);
        ObjectNode result =
                switch (arguments.text("what")) {
                    case "speed" -> measure(engine, arguments);
                    case "memory" -> memory(engine, arguments);
                    default -> answer(engine, arguments);
                };
        result.set("settings", new ObjectMapper().readTree(engine.settings()));
        return result;
    }

    private static ObjectNode measure(FlinkEngine engine, Arguments arguments) throws Exception {
        Workload workload = Workloads.of(arguments.text("work"));
        StreamExecutionEnvironment environment = engine.environment();
        JobClient job = start(environment, workload, arguments);
        ThroughputSampler.Sample sample = ThroughputSampler.sample(
                arguments.whole("warmUpSeconds"), arguments.whole("seconds"), () -> isRunning(job));
        ObjectNode result = new ObjectMapper().createObjectNode().put("rowsPerSecond", sample.rowsPerSecond());
        result.set("perSecond", new ObjectMapper().valueToTree(sample.perSecond()));
        return result;
    }

    private static ObjectNode memory(FlinkEngine engine, Arguments arguments) throws Exception {
        JobClient job = start(engine.environment(), Workloads.of(arguments.text("work")), arguments);
        while (RowMeter.rows() < arguments.number("rows")) {
            if (!isRunning(job)) {
                throw new IllegalStateException("Cannot measure: the job ended by itself.");
            }
            Thread.sleep(10);
        }
        return new ObjectMapper().createObjectNode().put("usedBytes", UsedMemory.bytesWhenSettled());
    }

    /** Starts the workload's job with a sink that drops all. */
    private static JobClient start(StreamExecutionEnvironment environment, Workload workload, Arguments arguments)
            throws Exception {
        if (workload.flinkSql().isEmpty()) {
            totals(environment, workload, arguments).sinkTo(new DiscardingSink<>());
            return environment.executeAsync();
        }
        return query(environment, workload, arguments)
                .insertInto(TableDescriptor.forConnector("blackhole").build())
                .execute()
                .getJobClient()
                .orElseThrow();
    }

    private static boolean isRunning(JobClient job) {
        return !job.getJobStatus().join().isGloballyTerminalState();
    }

    private static ObjectNode answer(FlinkEngine engine, Arguments arguments) throws Exception {
        Workload workload = Workloads.of(arguments.text("work"));
        StreamExecutionEnvironment environment = engine.environment();
        Answer answer;
        if (workload.flinkSql().isEmpty()) {
            answer = new Answer(List.of(0));
            try (CloseableIterator<Tuple4<Integer, Long, Double, Long>> rows =
                    totals(environment, workload, arguments).executeAndCollect()) {
                rows.forEachRemaining(row -> answer.add(row.f0, row.f1, row.f2, row.f3));
            }
        } else {
            Table query = query(environment, workload, arguments);
            answer = Answer.withoutKey(workload, query.getResolvedSchema().getColumnNames(), arguments.number("rows"));
            try (CloseableIterator<Row> rows = query.execute().collect()) {
                rows.forEachRemaining(row -> take(row, answer));
            }
        }
        answer.write(Path.of(arguments.text("answer")));
        return new ObjectMapper().createObjectNode();
    }

    private static void take(Row row, Answer answer) {
        Object[] values = new Object[row.getArity()];
        for (int i = 0; i < values.length; i++) {
            values[i] = row.getField(i);
        }
        if (row.getKind() == RowKind.INSERT || row.getKind() == RowKind.UPDATE_AFTER) {
            answer.add(values);
        } else {
            answer.remove(values);
        }
    }

    private static Table query(StreamExecutionEnvironment environment, Workload workload, Arguments arguments) {
        StreamTableEnvironment tables = FlinkEngine.tables(environment);
        boolean stays = arguments.text("what").equals("memory");
        FlinkEngine.createGenerated(tables, workload, arguments.number("rows"), arguments.whole("cores"), stays);
        return tables.sqlQuery(workload.flinkSql());
    }

    private static DataStream<Tuple4<Integer, Long, Double, Long>> totals(
            StreamExecutionEnvironment environment, Workload workload, Arguments arguments) {
        GeneratorSource source = new GeneratorSource(
                workload.rows(),
                TOTALS_COLUMNS,
                arguments.whole("cores"),
                arguments.number("rows"),
                arguments.text("what").equals("memory"));
        InternalTypeInfo<RowData> type = InternalTypeInfo.ofFields(new IntType(), new DoubleType(), new BigIntType());
        DataStream<Tuple3<Integer, Double, Long>> rows = environment
                .fromSource(source, WatermarkStrategy.noWatermarks(), "generator", type)
                .map(row -> Tuple3.of(row.getInt(0), row.getDouble(1), row.getLong(2)))
                .returns(Types.TUPLE(Types.INT, Types.DOUBLE, Types.LONG));
        return CardTotals.of(rows);
    }
}
