package dev.millrace.kafka.source;

import dev.millrace.spark.source.PortionReads;
import dev.millrace.spark.source.Split;
import dev.millrace.spark.source.SplitReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.kafka010.KafkaBatchInputPartition;
import org.apache.spark.sql.kafka010.KafkaOffsetRange;
import scala.Option;

/**
 * Shares portions out between the consumers of a source. A topic partition stays with a slot from portion to portion, so
 * that its consumer goes on with what it fetched ahead, but where that slot would have much more to read than others. A
 * partition that the user had divided ({@code minPartitions}, {@code maxRecordsPerPartition}) is shared between slots.
 *
 * <p>Thread: the query's.
 */
record KafkaPortionReads(String sourceName) implements PortionReads {
    /** A range moves to another slot when that evens out more records than this: what a consumer fetches anew is fewer. */
    private static final long WORTH_MOVING_RECORDS = 10_000;

    @Override
    public List<Split> splits(InputPartition[] partitions, int slotCount) {
        Map<TopicPartition, List<KafkaBatchInputPartition>> byPartition = new LinkedHashMap<>();
        for (InputPartition partition : partitions) {
            KafkaBatchInputPartition range = (KafkaBatchInputPartition) partition;
            byPartition
                    .computeIfAbsent(range.offsetRange().topicPartition(), unused -> new ArrayList<>())
                    .add(range);
        }
        List<List<KafkaBatchInputPartition>> slots = new ArrayList<>();
        for (int slot = 0; slot < slotCount; slot++) {
            slots.add(new ArrayList<>());
        }
        byPartition.forEach((partition, ranges) -> {
            int home = Math.floorMod(partition.hashCode(), slotCount);
            int shares = Math.min(ranges.size(), slotCount);
            for (int share = 0; share < shares; share++) {
                int first = share * ranges.size() / shares;
                int last = (share + 1) * ranges.size() / shares - 1;
                slots.get((home + share) % slotCount).add(joined(ranges.get(first), ranges.get(last)));
            }
        });
        evenOut(slots);
        List<Split> splits = new ArrayList<>();
        for (int slot = 0; slot < slotCount; slot++) {
            if (!slots.get(slot).isEmpty()) {
                splits.add(new KafkaSplit(slot, List.copyOf(slots.get(slot))));
            }
        }
        return splits;
    }

    /** From the start of the one to the end of the other; what Spark divides comes in order and without gaps. */
    private static KafkaBatchInputPartition joined(KafkaBatchInputPartition first, KafkaBatchInputPartition last) {
        KafkaOffsetRange range = new KafkaOffsetRange(
                first.offsetRange().topicPartition(),
                first.offsetRange().fromOffset(),
                last.offsetRange().untilOffset(),
                Option.empty());
        return new KafkaBatchInputPartition(
                range,
                first.executorKafkaParams(),
                first.pollTimeoutMs(),
                first.failOnDataLoss(),
                first.includeHeaders());
    }

    /** Moves ranges from the slot with the most records to the one with the least, as long as that pays. */
    private static void evenOut(List<List<KafkaBatchInputPartition>> slots) {
        while (true) {
            List<KafkaBatchInputPartition> most = slots.get(0);
            List<KafkaBatchInputPartition> least = slots.get(0);
            for (List<KafkaBatchInputPartition> slot : slots) {
                most = records(slot) > records(most) ? slot : most;
                least = records(slot) < records(least) ? slot : least;
            }
            KafkaBatchInputPartition best = null;
            long bestGain = WORTH_MOVING_RECORDS;
            for (KafkaBatchInputPartition range : most) {
                // How many records fewer the fuller of the two has afterwards.
                long gain = Math.min(
                        range.offsetRange().size(),
                        records(most) - records(least) - range.offsetRange().size());
                if (gain > bestGain && !holds(least, range)) {
                    best = range;
                    bestGain = gain;
                }
            }
            if (best == null) {
                return;
            }
            most.remove(best);
            least.add(best);
        }
    }

    private static boolean holds(List<KafkaBatchInputPartition> slot, KafkaBatchInputPartition range) {
        return slot.stream().anyMatch(other -> other.offsetRange()
                .topicPartition()
                .equals(range.offsetRange().topicPartition()));
    }

    private static long records(List<KafkaBatchInputPartition> slot) {
        return slot.stream().mapToLong(range -> range.offsetRange().size()).sum();
    }

    @Override
    public SplitReader reader() {
        return new KafkaSplitReader(sourceName);
    }
}
