package dev.millrace.engine.graph;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.PlannedSource;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.source.SourceReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A source of a {@link SimulatedQuery} that is read in portions of random sizes: the rows of all its partitions up
 * to a number, shared out to its readers in splits and in any order. A position of it says where all its partitions
 * stand.
 */
final class SimulatedPortions implements Source {
    private final SimulatedQuery query;
    private final int firstPartition;
    private final Random random;
    private final List<Order> orders = new ArrayList<>();
    private final Slot[] slots;

    /** How far each partition was handed in. */
    private final long[] ends;

    /** A portion, or an epoch's end where {@code epoch} is not negative. */
    private static final class Order {
        final long epoch;
        final long[] ends;
        final List<byte[]> rows;
        int splitsUnderWay;

        Order(long epoch, long[] ends, List<byte[]> rows) {
            this.epoch = epoch;
            this.ends = ends;
            this.rows = rows;
        }
    }

    SimulatedPortions(SimulatedQuery query, int firstPartition, long[] positions, Random random) {
        this.query = query;
        this.firstPartition = firstPartition;
        this.random = random;
        this.ends = positions;
        this.slots = new Slot[positions.length];
    }

    @Override
    public String name() {
        return "portions";
    }

    @Override
    public PlannedSource plan(int workerCount) {
        Arrays.setAll(slots, slot -> new Slot());
        return PlannedSource.portioned(
                name(), Arrays.stream(slots).map(SlotReader::new).toList());
    }

    private record SlotReader(Slot slot) implements ReaderFactory {
        @Override
        public SourceReader create() {
            return slot;
        }
    }

    @Override
    public boolean endsEpochs() {
        return true;
    }

    @Override
    public void endEpoch(long epoch) {
        orders.add(new Order(epoch, ends.clone(), List.of()));
    }

    /** Makes a portion of the rows of all partitions up to a random number, which may be none. */
    private void handIn() {
        long reached = Arrays.stream(ends).max().orElseThrow() + random.nextInt(1 << random.nextInt(7));
        List<byte[]> rows = new ArrayList<>();
        for (int p = 0; p < ends.length; p++) {
            long end = Math.min(reached, query.rowsOfPartition[firstPartition + p]);
            for (; ends[p] < end; ends[p]++) {
                rows.add(random.nextInt(rows.size() + 1), query.row(firstPartition + p, ends[p]));
            }
        }
        orders.add(new Order(-1, ends.clone(), rows));
    }

    private boolean isIdle() {
        return Arrays.stream(slots).allMatch(slot -> slot.order == orders.size());
    }

    /** One reader: takes splits, and goes on to the next order when no other has one under way. */
    private final class Slot implements SourceReader {
        private final RowView row = new RowView();
        private final List<byte[]> split = new ArrayList<>();
        private @Nullable PartitionOutput output;
        private int order;

        @Override
        public void open(List<PartitionOutput> outputs) {
            output = outputs.get(0);
        }

        @Override
        public boolean read() {
            PartitionOutput to = java.util.Objects.requireNonNull(output);
            if (order == orders.size()) {
                if (isIdle() && random.nextInt(4) == 0) {
                    handIn();
                }
                return true;
            }
            Order current = orders.get(order);
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
            boolean ended = current.epoch < 0 ? to.endPortion() : to.endEpoch(current.epoch, current.ends);
            order += ended ? 1 : 0;
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
