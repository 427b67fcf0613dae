package dev.millrace.kafka.source;

import dev.millrace.spark.source.Split;
import java.util.List;
import org.apache.spark.sql.kafka010.KafkaBatchInputPartition;

/**
 * What one slot reads of a portion, all at once: ranges of offsets, one at most of each topic partition.
 *
 * @param slot whose consumer it is that stands before these ranges
 */
record KafkaSplit(int slot, List<KafkaBatchInputPartition> ranges) implements Split {}
