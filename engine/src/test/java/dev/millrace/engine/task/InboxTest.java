package dev.millrace.engine.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.stream.Item;
import java.util.List;
import org.junit.jupiter.api.Test;

class InboxTest {
    private final Channel left = new Channel(() -> {}, () -> {});
    private final Channel right = new Channel(() -> {}, () -> {});
    private final Inbox inbox = new Inbox(List.of(left, right));

    private static Item rows() {
        Page page = new Page();
        page.append(new byte[8], 0, 8, 0, 0);
        return new Item.Rows(page);
    }

    @Test
    void holdsRowsBehindABarrierUntilAllInputsGaveTheirs() {
        left.offer(new Item.Barrier(3));
        Item behind = rows();
        left.offer(behind);
        Item before = rows();
        right.offer(before);
        assertThat(inbox.poll()).isSameAs(before);
        assertThat(inbox.poll()).isNull();
        right.offer(new Item.Barrier(3));
        assertThat(inbox.poll()).isEqualTo(new Item.Barrier(3));
        assertThat(inbox.poll()).isSameAs(behind);
    }

    @Test
    void refusesBarriersOfTwoEpochs() {
        left.offer(new Item.Barrier(3));
        right.offer(new Item.Barrier(4));
        assertThatThrownBy(inbox::poll).hasMessageContaining("MILLRACE_INVARIANT");
    }

    @Test
    void movesTheWatermarkToTheLowestOfAllInputs() {
        left.offer(new Item.Watermark(10));
        assertThat(inbox.poll()).as("right gave none yet").isNull();
        right.offer(new Item.Watermark(7));
        assertThat(inbox.poll()).isEqualTo(new Item.Watermark(7));
        right.offer(new Item.Watermark(20));
        assertThat(inbox.poll()).isEqualTo(new Item.Watermark(10));
    }

    @Test
    void doesNotWaitForAnIdleInput() {
        left.offer(new Item.Watermark(10));
        right.offer(Item.Idle.INSTANCE);
        assertThat(inbox.poll()).isEqualTo(new Item.Watermark(10));
        right.offer(new Item.Watermark(5));
        assertThat(inbox.poll()).as("a watermark never moves back").isNull();
        left.offer(Item.Idle.INSTANCE);
        right.offer(Item.Idle.INSTANCE);
        assertThat(inbox.poll()).as("nothing is left to wait for").isEqualTo(Item.Idle.INSTANCE);
    }

    @Test
    void tellsByWhichSideRowsCame() {
        Inbox ofTwo = new Inbox(List.of(left), List.of(right));
        right.offer(rows());
        ofTwo.poll();
        assertThat(ofTwo.side()).isEqualTo(Side.RIGHT);
        left.offer(rows());
        ofTwo.poll();
        assertThat(ofTwo.side()).isEqualTo(Side.LEFT);
    }
}
