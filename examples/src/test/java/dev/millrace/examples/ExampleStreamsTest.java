package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(SharedTopics.class)
class ExampleStreamsTest {
    private final ExampleTopics topics;

    ExampleStreamsTest(ExampleTopics topics) {
        this.topics = topics;
    }

    @ParameterizedTest
    @ValueSource(strings = {"--broker", "--batches --batch", "--batches --broker", "host:9092", "--broker a:1 b:2"})
    void namesArgumentsThatNoExampleHas(String line) {
        assertThatThrownBy(() -> ExampleStreams.of(topics.kafka().session(), line.split(" ", -1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("arguments=" + line);
    }
}
