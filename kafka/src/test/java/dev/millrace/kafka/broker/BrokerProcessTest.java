package dev.millrace.kafka.broker;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BrokerProcessTest {
    @Test
    void keepsWhatWasSentAndLeavesNothingBehind(@TempDir Path folder) throws Exception {
        Path data = folder.resolve("data");
        BrokerProcess broker = BrokerProcess.start(data, folder.resolve("broker.log"), List.of("-Xmx256m"));
        try (broker) {
            broker.createTopics(Map.of("words", 1));
            send(broker.bootstrap(), "words", "millrace");
            assertThat(firstValue(broker.bootstrap(), "words")).isEqualTo("millrace");
            assertThat(broker.bootstrap()).startsWith("127.0.0.1:");
        }
        assertThat(broker.isAlive()).isFalse();
        assertThat(data).doesNotExist();
    }

    @Test
    void goesOnWithItsDataAndAddressAfterAKill(@TempDir Path folder) throws Exception {
        Path data = folder.resolve("data");
        BrokerProcess killed = BrokerProcess.start(data, folder.resolve("broker.log"), List.of("-Xmx256m"));
        killed.createTopics(Map.of("words", 1));
        send(killed.bootstrap(), "words", "millrace");
        killed.kill();
        assertThat(killed.isAlive()).isFalse();

        try (BrokerProcess again = BrokerProcess.start(data, folder.resolve("broker.log"), List.of("-Xmx256m"))) {
            assertThat(again.bootstrap()).isEqualTo(killed.bootstrap());
            assertThat(firstValue(again.bootstrap(), "words")).isEqualTo("millrace");
        }
        assertThat(data).doesNotExist();
    }

    private static void send(String bootstrap, String topic, String value) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap);
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            producer.send(new ProducerRecord<>(topic, value)).get();
        }
    }

    private static String firstValue(String bootstrap, String topic) {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            var records = consumer.poll(Duration.ofSeconds(20));
            assertThat(records.count()).isEqualTo(1);
            return records.iterator().next().value();
        }
    }
}
