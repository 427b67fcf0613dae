package dev.millrace.engine.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.stream.Item;
import dev.millrace.engine.stream.WatermarkPolicy;
import java.util.List;
import org.junit.jupiter.api.Test;

class InboxTest {
    private final Channel left = new Channel(() -> {}, () -> {});
    private final Channel right = new Channel(() -> {}, () -> {});
    private final Inbox inbox = inbox(WatermarkPolicy.LEAST, 0, 0);

    private Inbox inbox(WatermarkPolicy policy, int... groups) {
        return new Inbox(List.of(left, right), new MergedWatermark(groups, policy));
    }

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
    void mergesWatermarksThatBarriersCarryToTheLeastAndLeavesOutWhoHasNone() {
        left.offer(new Item.Barrier(3, 20));
        right.offer(new Item.Barrier(3, 10));
        assertThat(inbox.poll()).isEqualTo(new Item.Barrier(3, 10));
        left.offer(new Item.Barrier(4));
        right.offer(new Item.Barrier(4, 30));
        assertThat(inbox.poll()).isEqualTo(new Item.Barrier(4, 30));
    }

    @Test
    void waitsForKinThatHasYetToComeBackFromBeingIdle() {
        Inbox ofKin = new Inbox(
                List.of(left, right), new MergedWatermark(new int[] {0, 0}, new int[] {0, 0}, WatermarkPolicy.LEAST));
        left.offer(new Item.Watermark(5));
        right.offer(new Item.Watermark(5));
        left.offer(Item.Idle.INSTANCE);
        right.offer(Item.Idle.INSTANCE);
        assertThat(ofKin.poll()).isEqualTo(new Item.Watermark(5));
        assertThat(ofKin.poll()).isEqualTo(Item.Idle.INSTANCE);
        left.offer(new Item.Watermark(100));
        left.offer(Item.Idle.INSTANCE);
        assertThat(ofKin.poll()).as("what right holds is not late").isNotEqualTo(new Item.Watermark(100));
        Item heldBack = rows();
        right.offer(heldBack);
        right.offer(new Item.Watermark(100));
        assertThat(ofKin.poll()).isSameAs(heldBack);
        assertThat(ofKin.poll()).isEqualTo(new Item.Watermark(100));
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
    void movesToTheGreatestWatermarkWhenAllInputsAreIdleInWhateverOrder() {
        left.offer(new Item.Watermark(10));
        right.offer(new Item.Watermark(7));
        assertThat(inbox.poll()).isEqualTo(new Item.Watermark(7));
        left.offer(Item.Idle.INSTANCE);
        assertThat(inbox.poll()).isNull();
        right.offer(Item.Idle.INSTANCE);
        assertThat(inbox.poll()).isEqualTo(new Item.Watermark(10));
        assertThat(inbox.poll()).isEqualTo(Item.Idle.INSTANCE);
        assertThat(inbox.poll()).isNull();
    }

    @Test
    void tellsByWhichSideRowsCame() {
        Inbox ofTwo = new Inbox(
                List.of(left, right),
                1,
                ChannelPartitions.one(2),
                new MergedWatermark(new int[] {0, 1}, WatermarkPolicy.LEAST));
        right.offer(rows());
        ofTwo.poll();
        assertThat(ofTwo.side()).isEqualTo(Side.RIGHT);
        left.offer(rows());
        ofTwo.poll();
        assertThat(ofTwo.side()).isEqualTo(Side.LEFT);
    }

    @Test
    void doesNotWaitForAnInputWithoutAWatermark() {
        Inbox half = inbox(WatermarkPolicy.LEAST, MergedWatermark.NO_WATERMARK, 0);
        Item rows = rows();
        left.offer(rows);
        right.offer(new Item.Watermark(10));
        assertThat(half.poll()).isSameAs(rows);
        assertThat(half.poll()).isEqualTo(new Item.Watermark(10));
        right.offer(Item.Idle.INSTANCE);
        assertThat(half.poll()).isEqualTo(Item.Idle.INSTANCE);
    }

    @Test
    void movesTheWatermarkToTheGreatestOfTwoSourcesWhereThatIsAskedFor() {
        Inbox greatest = inbox(WatermarkPolicy.GREATEST, 0, 1);
        left.offer(new Item.Watermark(10));
        assertThat(greatest.poll()).isEqualTo(new Item.Watermark(10));
        right.offer(new Item.Watermark(7));
        assertThat(greatest.poll()).isNull();
        right.offer(new Item.Watermark(20));
        assertThat(greatest.poll()).isEqualTo(new Item.Watermark(20));
        right.offer(Item.Idle.INSTANCE);
        left.offer(new Item.Watermark(15));
        assertThat(greatest.poll()).as("a watermark never moves back").isNull();
    }

    @Test
    void takesTheLeastOfInputsFromOneSourceAlsoWhereTheGreatestIsAskedFor() {
        Inbox greatest = inbox(WatermarkPolicy.GREATEST, 0, 0);
        left.offer(new Item.Watermark(10));
        assertThat(greatest.poll())
                .as("right is about to bring the rows that left has brought")
                .isNull();
        right.offer(new Item.Watermark(7));
        assertThat(greatest.poll()).isEqualTo(new Item.Watermark(7));
    }
}
