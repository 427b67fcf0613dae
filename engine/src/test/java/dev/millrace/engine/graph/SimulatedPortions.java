package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.PlannedSource;
import dev.millrace.engine.source.PortionInbox;
import dev.millrace.engine.source.PortionTarget;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.source.SourceReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A source of a {@link SimulatedQuery} that is read in portions of random sizes: the rows of all its partitions up
 * to a number, shared out at random to its workers and there to readers in splits, in any order. A position of it is how
 * many portions there were.
 */
final class SimulatedPortions implements Source {
    private final SimulatedQuery query;
    private final int firstPartition;
    private final Random random;

    // What the driver knows.
    private List<? extends PortionTarget> workers = List.of();

    /** How far each partition was handed in, by the number of portions. */
    private final List<long[]> ends = new ArrayList<>();

    /** How many workers are through with each portion but the first, which is none. */
    private final List<Integer> ended = new ArrayList<>();

    /** The greatest event time in each portion and those before, of workers that are through with it. */
    private final List<Long> maxMicros = new ArrayList<>();

    private int settled;

    SimulatedPortions(SimulatedQuery query, int firstPartition, long[] positions, Random random) {
        this.query = query;
        this.firstPartition = firstPartition;
        this.random = random;
        ends.add(positions);
        ended.add(0);
        maxMicros.add(Long.MIN_VALUE);
    }

    @Override
    public String name() {
        return "portions";
    }

    @Override
    public PlannedSource plan(int workerCount, int loopCount) {
        Inbox inbox = new Inbox(loopCount);
        List<ReaderFactory> readers = new ArrayList<>();
        for (int slot = 0; slot < workerCount * loopCount; slot++) {
            readers.add(new SlotReader(this, inbox, slot / workerCount));
        }
        return PlannedSource.portioned(name(), inbox, readers);
    }

    private record SlotReader(SimulatedPortions source, Inbox inbox, int slot) implements ReaderFactory {
        @Override
        public SourceReader create() {
            return source.new Slot(inbox, slot);
        }
    }

    @Override
    public boolean endsEpochs() {
        return true;
    }

    @Override
    public void connect(List<? extends PortionTarget> connected) {
        workers = connected;
    }

    @Override
    public void endEpoch(long epoch) {
        workers.forEach(worker -> worker.endEpoch(epoch, ends.size() - 1));
    }

    @Override
    public void portionEnded(long portion, long micros) {
        long greatest = Math.max(micros, maxMicros.get((int) portion));
        maxMicros.set((int) portion, greatest);
        int count = ended.get((int) portion) + 1;
        ended.set((int) portion, count);
        if (count == workers.size()) {
            assertThat(portion).isEqualTo(++settled);
            workers.forEach(worker -> worker.settled(portion, greatest));
        }
    }

    /** Where all partitions stand behind so many portions. */
    long[] endsBehind(long portion) {
        return ends.get((int) portion);
    }

    /** Makes a portion of the rows of all partitions up to a random number, which may be none. */
    private void handIn() {
        long[] to = ends.get(ends.size() - 1).clone();
        long reached = java.util.Arrays.stream(to).max().orElseThrow() + random.nextInt(1 << random.nextInt(7));
        List<List<byte[]>> shares = new ArrayList<>();
        workers.forEach(worker -> shares.add(new ArrayList<>()));
        for (int p = 0; p < to.length; p++) {
            long end = Math.min(reached, query.rowsOfPartition[firstPartition + p]);
            for (; to[p] < end; to[p]++) {
                List<byte[]> share = shares.get(random.nextInt(shares.size()));
                share.add(random.nextInt(share.size() + 1), query.row(firstPartition + p, to[p]));
            }
        }
        ends.add(to);
        ended.add(0);
        maxMicros.add(Long.MIN_VALUE);
        for (int w = 0; w < shares.size(); w++) {
            workers.get(w).portion(shares.get(w));
        }
    }

    /** As the driver's poll would do it: mostly once all are through with the last portion. */
    private void handInAtRandom() {
        if (!workers.isEmpty() && random.nextInt(settled == ends.size() - 1 ? 4 : 64) == 0) {
            handIn();
        }
    }

    /** A share of a portion, or an epoch's end where {@code epoch} is not negative. */
    private static final class Order {
        final long epoch;
        final long portion;
        final List<byte[]> rows;
        int splitsUnderWay;

        Order(long epoch, long portion, List<byte[]> rows) {
            this.epoch = epoch;
            this.portion = portion;
            this.rows = rows;
        }
    }

    /** What one worker's readers have to do. */
    private static final class Inbox implements PortionInbox {
        private static final long serialVersionUID = 1L;
        private final transient List<Order> orders = new ArrayList<>();
        private final int[] orderOfSlot;

        Inbox(int slotCount) {
            orderOfSlot = new int[slotCount];
        }

        @Override
        @SuppressWarnings("unchecked") // as handIn made it
        public void portion(Object share) {
            orders.add(new Order(-1, 0, (List<byte[]>) share));
        }

        @Override
        public void endEpoch(long epoch, long portion) {
            orders.add(new Order(epoch, portion, List.of()));
        }
    }

    /** One reader: takes splits, and goes on to the next order when no other of its worker has one under way. */
    private final class Slot implements SourceReader {
        private final RowView row = new RowView();
        private final List<byte[]> split = new ArrayList<>();
        private final Inbox inbox;
        private final int slot;
        private @Nullable PartitionOutput output;

        Slot(Inbox inbox, int slot) {
            this.inbox = inbox;
            this.slot = slot;
        }

        @Override
        public void open(List<PartitionOutput> outputs) {
            output = outputs.get(0);
        }

        @Override
        public boolean read() {
            PartitionOutput to = Objects.requireNonNull(output);
            if (inbox.orderOfSlot[slot] == inbox.orders.size()) {
                handInAtRandom();
                return true;
            }
            Order current = inbox.orders.get(inbox.orderOfSlot[slot]);
            if (split.isEmpty() && !current.rows.isEmpty()) {
                int count = 1 + random.nextInt(current.rows.size());
                List<byte[]> taken = current.rows.subList(0, count);
                split.addAll(taken);
                taken.clear();
                current.splitsUnderWay++;
            }
            if (!split.isEmpty()) {
                return readSplit(current, to);
            }
            if (current.splitsUnderWay > 0) {
                return true;
            }
            boolean ended = current.epoch < 0 ? to.endPortion() : to.endEpoch(current.epoch, current.portion);
            inbox.orderOfSlot[slot] += ended ? 1 : 0;
            return ended;
        }

        private boolean readSplit(Order current, PartitionOutput to) {
            boolean room = true;
            for (int left = random.nextInt(20); room && left > 0 && !split.isEmpty(); left--) {
                room = append(split.get(0), to);
                if (room) {
                    split.remove(0);
                }
            }
            to.publish();
            if (split.isEmpty()) {
                current.splitsUnderWay--;
            }
            return room;
        }

        private boolean append(byte[] bytes, PartitionOutput to) {
            row.pointTo(bytes, 0, bytes.length);
            if (to.append(row)) {
                return true;
            }
            to.publish();
            return to.append(row);
        }
    }
}
