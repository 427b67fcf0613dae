package dev.millrace.engine.exchange;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SourceQueueTest {
    private static final Waker NOBODY = () -> {};

    private final SourceQueue queue = new SourceQueue(NOBODY, NOBODY);
    private final RowCursor cursor = new RowCursor();
    private final RowView row = new RowView();

    private boolean offer(int sizeBytes, Object position) {
        byte[] bytes = new byte[sizeBytes];
        java.util.Arrays.fill(bytes, (byte) sizeBytes);
        return queue.offer(row.pointTo(bytes, 0, sizeBytes), position);
    }

    @Test
    void showsARowAsSoonAsItIsOfferedThoughItsPageIsOpen() {
        assertThat(queue.take(cursor)).isFalse();
        assertThat(offer(16, "first")).isTrue();
        assertThat(queue.hasRows()).isTrue();
        assertThat(queue.take(cursor)).isTrue();
        assertThat(queue.taken()).isEqualTo(1);
        assertThat(offer(16, "second")).isTrue();
        assertThat(offer(16, "third")).isTrue();
        assertThat(queue.take(cursor)).isTrue();
        assertThat(queue.taken()).isEqualTo(2);
        assertThat(queue.position()).isEqualTo("third");
        assertThat(queue.take(cursor)).isFalse();
    }

    @Test
    void tellsWhereTheReaderStartedWhileNoRowWasTaken() {
        assertThat(queue.position()).isNull();
        queue.start("start");
        assertThat(queue.position()).isEqualTo("start");
        offer(16, "first");
        queue.take(cursor);
        assertThat(queue.position()).as("offered but not taken").isEqualTo("start");
    }

    @Test
    void refusesRowsBeyondItsPagesUntilTheTaskTakesSome() {
        int accepted = 0;
        while (offer(Page.CAPACITY_BYTES, accepted)) {
            accepted++;
        }
        assertThat(accepted).isEqualTo(4);
        assertThat(queue.take(cursor)).isTrue();
        queue.taken();
        assertThat(queue.take(cursor)).isTrue();
        assertThat(offer(16, "again")).isTrue();
    }

    @Test
    void bringsRowsOfEverySizeAcrossThreads() throws Exception {
        int count = 200_000;
        long seed = 42;
        Signal task = new Signal();
        SourceQueue shared = new SourceQueue(NOBODY, task);
        Thread reader = new Thread(() -> {
            Random random = new Random(seed);
            RowView view = new RowView();
            for (int i = 0; i < count; i++) {
                byte[] bytes = bytes(random, i);
                while (!shared.offer(view.pointTo(bytes, 0, bytes.length), i)) {
                    Thread.onSpinWait();
                }
            }
        });
        reader.start();
        Random random = new Random(seed);
        int taken = 0;
        while (taken < count) {
            task.lower();
            if (!shared.take(cursor)) {
                task.await(1_000_000_000L);
                continue;
            }
            for (; cursor.hasRow(); cursor.advance()) {
                cursor.row(row);
                assertThat(row.toBytes()).as("row %d", taken).isEqualTo(bytes(random, taken));
                taken++;
            }
            shared.taken();
            assertThat(shared.position()).isEqualTo(taken - 1);
        }
        reader.join();
    }

    private static byte[] bytes(Random random, int index) {
        int size = random.nextInt(1000) == 0 ? 100_000 : 8 * (1 + random.nextInt(20));
        byte[] bytes = new byte[size];
        bytes[0] = (byte) index;
        bytes[size - 1] = (byte) (index >> 8);
        return bytes;
    }
}
