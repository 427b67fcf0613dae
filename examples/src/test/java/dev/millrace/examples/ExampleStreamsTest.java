package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.kafka.broker.LocalKafka;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(SharedKafka.class)
class ExampleStreamsTest {
    private final LocalKafka kafka;

    ExampleStreamsTest(LocalKafka kafka) {
        this.kafka = kafka;
    }

    @ParameterizedTest
    @ValueSource(strings = {"--broker", "--batches --batch", "--batches --broker", "host:9092", "--broker a:1 b:2"})
    void namesArgumentsThatNoExampleHas(String line) {
        assertThatThrownBy(() -> ExampleStreams.of(kafka.session(), line.split(" ", -1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("arguments=" + line);
    }
}
