package dev.millrace.bench.peers.streams;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.bench.workload.Arguments;
import dev.millrace.bench.workload.Clients;
import dev.millrace.bench.workload.Transaction;
import dev.millrace.bench.workload.Workloads;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;

/**
 * The workloads that were written for Kafka Streams, with state in memory behind a changelog topic. Records come
 * partitioned by card already, so that nothing has to be sent round.
 */
public final class StreamsProgram {
    static final String STORE = "totals";

    private StreamsProgram() {}

    /** Takes work, cores, folder, bootstrap, input, output and drain. */
    public static void main(String[] words) throws IOException {
        Arguments arguments = Arguments.parse(words);
        String work = arguments.text("work");
        if (!work.equals(Workloads.STATELESS) && !work.equals(Workloads.WINDOW_COUNT)) {
            System.out.println("failed no topology was written for this");
            return;
        }
        Map<String, String> settings = settings(arguments);
        Properties properties = new Properties();
        properties.putAll(settings);
        StreamsBuilder builder = new StreamsBuilder();
        KStream<byte[], Transaction> in =
                builder.<byte[], byte[]>stream(arguments.text("input")).mapValues(StreamsProgram::parse);
        KStream<byte[], byte[]> out;
        if (work.equals(Workloads.STATELESS)) {
            out = in.filter((key, row) -> row.amount() > Workloads.MIN_AMOUNT).mapValues(StreamsProgram::project);
        } else {
            builder.addStateStore(Stores.keyValueStoreBuilder(
                    Stores.inMemoryKeyValueStore(STORE), Serdes.String(), Serdes.ByteArray()));
            out = in.process(WindowCount::new, STORE);
        }
        out.to(arguments.text("output"), Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        try (KafkaStreams streams = new KafkaStreams(builder.build(), properties)) {
            streams.setUncaughtExceptionHandler(error -> {
                System.out.println("failed " + error.getMessage());
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            streams.start();
            System.out.println("ready " + new ObjectMapper().writeValueAsString(settings));
            Clients.awaitParent();
            streams.close(Duration.ofSeconds(10));
        }
    }

    private static Map<String, String> settings(Arguments arguments) {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("application.id", arguments.text("output"));
        settings.put("bootstrap.servers", arguments.text("bootstrap"));
        settings.put("state.dir", arguments.text("folder"));
        settings.put("default.key.serde", Serdes.ByteArraySerde.class.getName());
        settings.put("default.value.serde", Serdes.ByteArraySerde.class.getName());
        settings.put("num.stream.threads", arguments.text("cores"));
        settings.put("commit.interval.ms", "10000");
        settings.put("statestore.cache.max.bytes", "0");
        settings.put("auto.offset.reset", "earliest");
        Clients.outputSettings(Boolean.parseBoolean(arguments.text("drain")))
                .forEach((name, value) -> settings.put("producer." + name, value));
        settings.put("replication.factor", "1");
        return settings;
    }

    private static Transaction parse(byte[] json) {
        try {
            return Transaction.parse(json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] project(Transaction in) {
        return ("{\"card\":" + in.card() + ",\"amount\":" + in.amount() * Workloads.FACTOR + ",\"merchant\":\""
                        + in.merchant().toUpperCase(Locale.ROOT) + "\",\"created\":" + in.created() + "}")
                .getBytes(StandardCharsets.UTF_8);
    }
}
