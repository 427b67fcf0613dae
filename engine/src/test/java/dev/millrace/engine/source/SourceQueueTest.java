package dev.millrace.engine.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.exchange.Signal;
import dev.millrace.engine.exchange.Waker;
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

    private boolean append(int sizeBytes) {
        return append(queue, new byte[sizeBytes]);
    }

    private boolean append(SourceQueue to, byte[] bytes) {
        return to.append(new RowView().pointTo(bytes, 0, bytes.length));
    }

    @Test
    void showsABatchOnceItIsPublishedThoughItsPageIsOpen() {
        assertThat(queue.take(cursor)).isFalse();
        assertThat(append(16)).isTrue();
        assertThat(queue.take(cursor)).as("not published").isFalse();
        queue.publish("first");
        assertThat(queue.take(cursor)).isTrue();
        assertThat(queue.taken()).isEqualTo(1);
        assertThat(append(16)).isTrue();
        assertThat(append(16)).isTrue();
        queue.publish("third");
        assertThat(append(16)).isTrue();
        assertThat(queue.take(cursor)).isTrue();
        assertThat(queue.taken()).isEqualTo(2);
        assertThat(queue.endOf(1)).isEqualTo("third");
        assertThat(queue.take(cursor)).isFalse();
    }

    @Test
    void tellsWhereTheReaderStartedWhileNoRowWasTaken() {
        assertThat(queue.endOf(1)).isNull();
        queue.publish("start");
        assertThat(queue.endOf(1)).isEqualTo("start");
        append(16);
        queue.publish("first");
        queue.take(cursor);
        assertThat(queue.endOf(1)).as("published but not taken").isEqualTo("start");
        queue.taken();
        assertThat(queue.endOf(1)).isEqualTo("first");
    }

    @Test
    void movesOnWithoutRowsOnlyOnceTheRowsBeforeAreTaken() {
        queue.publish("start");
        queue.publish("moved");
        assertThat(queue.endOf(1)).isEqualTo("moved");
        append(16);
        queue.publish("first");
        queue.publish("behind what gave no rows");
        assertThat(queue.endOf(1)).isEqualTo("moved");
        queue.take(cursor);
        queue.taken();
        assertThat(queue.endOf(1)).isEqualTo("behind what gave no rows");
        queue.publish("further");
        append(16);
        assertThat(queue.endOf(1)).isEqualTo("further");
    }

    @Test
    void keepsThePositionOfAPageThatIsDoneWith() {
        append(Page.CAPACITY_BYTES);
        queue.publish("first");
        queue.take(cursor);
        queue.taken();
        queue.publish("moved");
        append(Page.CAPACITY_BYTES);
        assertThat(queue.take(cursor)).isFalse();
        assertThat(queue.endOf(1)).isEqualTo("moved");
    }

    @Test
    void asksToPublishBeforeItOpensAnotherPage() {
        assertThat(append(1024)).isTrue();
        assertThat(append(Page.CAPACITY_BYTES)).isFalse();
        queue.publish("first");
        assertThat(append(Page.CAPACITY_BYTES)).isTrue();
    }

    @Test
    void refusesRowsBeyondItsPagesUntilTheTaskTakesSome() {
        int accepted = 0;
        while (append(Page.CAPACITY_BYTES)) {
            queue.publish(++accepted);
        }
        assertThat(accepted).isEqualTo(4);
        assertThat(queue.take(cursor)).isTrue();
        queue.taken();
        assertThat(queue.take(cursor)).isTrue();
        assertThat(append(16)).isTrue();
    }

    @Test
    void bringsRowsOfEverySizeAcrossThreads() throws Exception {
        int count = 200_000;
        long seed = 42;
        Signal task = new Signal();
        SourceQueue shared = new SourceQueue(NOBODY, task);
        Thread reader = new Thread(() -> appendAll(shared, seed, count));
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
            assertThat(shared.endOf(1)).isEqualTo(taken);
        }
        reader.join();
    }

    private void appendAll(SourceQueue to, long seed, int count) {
        Random random = new Random(seed);
        Random batches = new Random(seed + 1);
        for (int i = 0; i < count; i++) {
            byte[] bytes = bytes(random, i);
            while (!append(to, bytes)) {
                to.publish(i);
                Thread.onSpinWait();
            }
            if (batches.nextInt(4) == 0) {
                to.publish(i + 1);
            }
        }
        to.publish(count);
    }

    private static byte[] bytes(Random random, int index) {
        int size = random.nextInt(1000) == 0 ? 100_000 : 8 * (1 + random.nextInt(20));
        byte[] bytes = new byte[size];
        bytes[0] = (byte) index;
        bytes[size - 1] = (byte) (index >> 8);
        return bytes;
    }

    @Test
    void takesNoRowBehindTheEndOfAnEpochUntilItIsToldTo() {
        append(16);
        queue.publish();
        assertThat(queue.endPortion()).isTrue();
        assertThat(queue.endEpoch(7, "end of 7")).isTrue();
        append(16);
        queue.publish();

        assertThat(queue.endOf(7)).as("before its rows are taken").isNull();
        assertThat(queue.takePortionEnd()).isFalse();
        assertThat(queue.take(cursor)).isTrue();
        assertThat(queue.taken()).isEqualTo(1);
        assertThat(queue.endOf(7)).as("before the portion's end is taken").isNull();
        assertThat(queue.takePortionEnd()).isTrue();
        assertThat(queue.takePortionEnd()).isFalse();
        assertThat(queue.take(cursor)).isFalse();
        assertThat(queue.endOf(6)).isNull();
        assertThat(queue.endOf(7)).isEqualTo("end of 7");
        queue.epochEnded();
        assertThat(queue.take(cursor)).isTrue();
        assertThat(queue.taken()).isEqualTo(1);
        assertThat(queue.endOf(8)).as("in the midst of a portion").isNull();
    }

    @Test
    void hasNoRoomForMoreEndsThanPagesUntilTheyAreTaken() {
        for (int page = 0; page < SourceQueue.PAGES; page++) {
            assertThat(queue.endPortion()).isTrue();
        }
        assertThat(queue.endPortion()).isFalse();
        assertThat(queue.takePortionEnd()).isTrue();
        assertThat(queue.endEpoch(1, "end")).isTrue();
    }
}
