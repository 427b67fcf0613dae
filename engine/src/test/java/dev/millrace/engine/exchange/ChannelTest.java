package dev.millrace.engine.exchange;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.stream.Item;
import org.junit.jupiter.api.Test;

final class ChannelTest {
    private int producerWoken;
    private int consumerWoken;
    private final Channel channel = new Channel(() -> producerWoken++, () -> consumerWoken++);

    private static Item item(long number) {
        return new Item.Watermark(number);
    }

    private void fill() {
        long number = 0;
        while (channel.offer(item(number))) {
            number++;
        }
    }

    private void take(int count) {
        for (int i = 0; i < count; i++) {
            assertThat(channel.poll()).isNotNull();
        }
    }

    @Test
    void wakesTheConsumerForEachItem() {
        assertThat(channel.offer(item(1))).isTrue();
        assertThat(channel.offer(item(2))).isTrue();
        assertThat(consumerWoken).isEqualTo(2);
        assertThat(channel.poll()).isEqualTo(item(1));
        assertThat(channel.poll()).isEqualTo(item(2));
        assertThat(channel.poll()).isNull();
    }

    @Test
    void wakesAProducerThatFoundItFullOnceAndWhenHalfIsEmptyAgain() {
        fill();
        take(Channel.ROOM - 1);
        assertThat(producerWoken).isZero();
        take(1);
        assertThat(producerWoken).isEqualTo(1);
        take(Channel.CAPACITY - Channel.ROOM);
        assertThat(producerWoken).isEqualTo(1);
    }

    @Test
    void wakesItAgainWhenItFoundItFullAgain() {
        fill();
        take(Channel.ROOM);
        fill();
        take(Channel.ROOM);
        assertThat(producerWoken).isEqualTo(2);
    }

    @Test
    void wakesNoProducerThatHasRoom() {
        assertThat(channel.offer(item(1))).isTrue();
        take(1);
        assertThat(producerWoken).isZero();
    }
}
