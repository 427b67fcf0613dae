package dev.millrace.engine.task;

import java.util.List;

/**
 * How a task counts the input partitions of the rows that its channels bring: those of one channel behind
 * those of another. Channels that tell none apart may share one.
 *
 * @param firstOfChannel for each channel its first partition, from which its pages count on
 * @param names as {@code PassThrough.inputPartitions} takes them
 */
public record ChannelPartitions(int[] firstOfChannel, List<String> names) {
    public ChannelPartitions {
        names = List.copyOf(names);
    }

    /** Where all rows of all channels are of one partition. */
    public static ChannelPartitions one(int channelCount) {
        return new ChannelPartitions(new int[channelCount], List.of(""));
    }
}
