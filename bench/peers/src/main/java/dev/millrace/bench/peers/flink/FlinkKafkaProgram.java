package dev.millrace.bench.peers.flink;

import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Clients;
import dev.millrace.bench.workload.Transaction;
import dev.millrace.bench.workload.Workload;
import dev.millrace.bench.workload.Workloads;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.TableDescriptor;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.types.DataType;

/** A workload on Flink between two topics. */
public final class FlinkKafkaProgram {
    private FlinkKafkaProgram() {}

    /** Takes engine, work, cores, folder, bootstrap, input, output and drain. */
    public static void main(String[] words) throws IOException {
        Arguments arguments = Arguments.parse(words);
        try {
            boolean drain = Boolean.parseBoolean(arguments.text("drain"));
            FlinkEngine engine = new FlinkEngine(arguments, !drain);
            JobClient job = start(engine, arguments, Clients.outputSettings(drain));
            System.out.println("ready " + engine.settings());
            job.getJobExecutionResult().whenComplete((result, error) -> {
                if (error != null) {
                    System.out.println("failed " + FlinkEngine.reason(error));
                }
            });
            Clients.awaitParent();
        } catch (Exception e) {
            org.slf4j.LoggerFactory.getLogger(FlinkKafkaProgram.class).error("The job failed.", e);
            System.out.println("failed " + FlinkEngine.reason(e));
        }
        System.exit(0);
    }

    private static JobClient start(FlinkEngine engine, Arguments arguments, Map<String, String> producer)
            throws Exception {
        Workload workload = Workloads.of(arguments.text("work"));
        StreamExecutionEnvironment environment = engine.environment();
        if (workload.flinkSql().isEmpty()) {
            totals(environment, arguments, producer);
            return environment.executeAsync();
        }
        StreamTableEnvironment tables = FlinkEngine.tables(environment);
        tables.executeSql(("CREATE TEMPORARY TABLE transactions (card INT, amount DOUBLE, merchant STRING, "
                        + "country STRING, created BIGINT, payment BIGINT, step INT, "
                        + "event_time AS TO_TIMESTAMP_LTZ(created / 1000, 3)%s) WITH ('connector' = 'kafka', "
                        + "'topic' = '%s', 'properties.bootstrap.servers' = '%s', "
                        + "'scan.startup.mode' = 'earliest-offset', 'format' = 'json')")
                .formatted(FlinkEngine.watermark(workload), arguments.text("input"), arguments.text("bootstrap")));
        Table answers = tables.sqlQuery(workload.flinkSql());
        return answers.insertInto(sink(workload, answers, arguments, producer))
                .execute()
                .getJobClient()
                .orElseThrow();
    }

    private static TableDescriptor sink(
            Workload workload, Table answers, Arguments arguments, Map<String, String> producer) {
        Schema.Builder schema = Schema.newBuilder();
        for (Column column : answers.getResolvedSchema().getColumns()) {
            DataType type = column.getDataType();
            schema.column(column.getName(), workload.key().contains(column.getName()) ? type.notNull() : type);
        }
        if (workload.updates()) {
            schema.primaryKey(workload.key());
        }
        TableDescriptor.Builder sink = TableDescriptor.forConnector(workload.updates() ? "upsert-kafka" : "kafka")
                .option("topic", arguments.text("output"))
                .option("properties.bootstrap.servers", arguments.text("bootstrap"))
                .option("value.format", "json");
        producer.forEach((name, value) -> sink.option("properties." + name, value));
        if (workload.updates()) {
            sink.option("key.format", "json");
        }
        return sink.schema(schema.build()).build();
    }

    private static void totals(
            StreamExecutionEnvironment environment, Arguments arguments, Map<String, String> producer) {
        KafkaSource<Transaction> source = KafkaSource.<Transaction>builder()
                .setBootstrapServers(arguments.text("bootstrap"))
                .setTopics(arguments.text("input"))
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setValueOnlyDeserializer(new Parser())
                .build();
        DataStream<Tuple3<Integer, Double, Long>> rows = environment
                .fromSource(source, WatermarkStrategy.noWatermarks(), "transactions")
                .map(row -> Tuple3.of(row.card(), row.amount(), row.created()))
                .returns(Types.TUPLE(Types.INT, Types.DOUBLE, Types.LONG));
        Properties settings = new Properties();
        settings.putAll(producer);
        KafkaSink<String> sink = KafkaSink.<String>builder()
                .setBootstrapServers(arguments.text("bootstrap"))
                .setKafkaProducerConfig(settings)
                .setRecordSerializer(KafkaRecordSerializationSchema.<String>builder()
                        .setTopic(arguments.text("output"))
                        .setKeySerializationSchema(json -> json.substring(json.indexOf(':') + 1, json.indexOf(','))
                                .getBytes(StandardCharsets.UTF_8))
                        .setValueSerializationSchema(new SimpleStringSchema())
                        .build())
                .build();
        CardTotals.of(rows)
                .map(row -> "{\"card\":" + row.f0 + ",\"n\":" + row.f1 + ",\"highest\":" + row.f2 + ",\"created\":"
                        + row.f3 + "}")
                .returns(Types.STRING)
                .sinkTo(sink);
    }

    private static final class Parser extends AbstractDeserializationSchema<Transaction> {
        private static final long serialVersionUID = 1L;

        Parser() {
            super(Transaction.class);
        }

        @Override
        public Transaction deserialize(byte[] json) throws IOException {
            return Transaction.parse(json);
        }
    }
}
