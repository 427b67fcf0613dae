package dev.millrace.engine.task;

/**
 * How a task counts the input partitions of the rows that its channels bring: those of one channel behind
 * those of another. Channels that tell none apart may share one.
 *
 * @param firstOfChannel for each channel its first partition, from which its pages count on
 * @param count how many there are in all
 */
public record ChannelPartitions(int[] firstOfChannel, int count) {
    /** Where all rows of all channels are of one partition. */
    public static ChannelPartitions one(int channelCount) {
        return new ChannelPartitions(new int[channelCount], 1);
    }
}
