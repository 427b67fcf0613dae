package dev.millrace.spark.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.source.PortionTarget;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.execution.streaming.runtime.LongOffset;
import org.junit.jupiter.api.Test;

/** How portions are shared out to workers, and when all are through with one. */
class HandedPortionsTest {
    private record Piece(int slot) implements Split {}

    /** Notes what it is told. */
    private static final class Worker implements PortionTarget {
        final List<Object> shares = new ArrayList<>();
        final List<String> told = new ArrayList<>();

        @Override
        public void portion(Object share) {
            shares.add(share);
        }

        @Override
        public void endEpoch(long epoch, long portion) {
            told.add("epoch %d behind %d".formatted(epoch, portion));
        }

        @Override
        public void settled(long portion, long reachedMicros) {
            told.add("%d to %d".formatted(portion, reachedMicros));
        }
    }

    private final Worker first = new Worker();
    private final Worker second = new Worker();
    private final HandedPortions portions = handed(List.of(first, second));

    private static HandedPortions handed(List<Worker> workers) {
        HandedPortions made = new HandedPortions(new Boundary(0, Optional.empty()));
        made.connect(workers);
        return made;
    }

    private static Offset at(long position) {
        return new LongOffset(position);
    }

    @Test
    void sharesSplitsOutInTurnAndBeginsWithAnotherWorkerEachTime() {
        Piece any = new Piece(Split.ANY_SLOT);

        portions.add(List.of(any), at(1));
        portions.add(List.of(any), at(2));
        portions.add(List.of(any, any, any, any), at(3));

        assertThat(first.shares).containsExactly(List.of(), List.of(any), List.of(any, any));
        assertThat(second.shares).containsExactly(List.of(any), List.of(), List.of(any, any));
    }

    /** As readers are dealt to workers. */
    @Test
    void givesASplitToTheWorkerThatHasItsSlot() {
        portions.add(List.of(new Piece(0), new Piece(1), new Piece(2)), at(1));

        assertThat(first.shares).containsExactly(List.of(new Piece(0), new Piece(2)));
        assertThat(second.shares).containsExactly(List.of(new Piece(1)));
    }

    /** Else rows of the next portion would be late where the other worker has not read them. */
    @Test
    void settlesAPortionAtItsOwnEventTimesThoughAWorkerIsAhead() {
        portions.add(List.of(), at(1));
        portions.add(List.of(), at(2));

        portions.ended(1, 10);
        portions.ended(2, 99);
        assertThat(first.told).isEmpty();
        portions.ended(1, 20);
        portions.ended(2, 30);

        assertThat(first.told).containsExactly("1 to 20", "2 to 99");
        assertThat(second.told).isEqualTo(first.told);
    }

    @Test
    void endsAnEpochBehindTheLastPortionOnAllWorkers() {
        portions.endEpoch(4);
        portions.add(List.of(), at(7));
        portions.endEpoch(5);

        assertThat(first.told).containsExactly("epoch 4 behind 0", "epoch 5 behind 1");
        assertThat(second.told).isEqualTo(first.told);
        assertThat(portions.end(0).offset()).isEmpty();
        assertThat(portions.end(1).offset()).contains(at(7));
    }
}
