package dev.millrace.spark.deduplicate;

import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;

/**
 * A deduplication as Spark's planner described it.
 *
 * @param keys the columns in which duplicates are equal, each among the input
 * @param withinWatermark whether a key is forgotten when the watermark's delay has passed since its
 *     first row; otherwise it is when the watermark passes its event time, if there is one among the keys
 * @param input the columns of a row
 */
public record DeduplicationSpecification(List<Attribute> keys, boolean withinWatermark, List<Attribute> input)
        implements Serializable {
    public DeduplicationSpecification {
        keys = List.copyOf(keys);
        input = List.copyOf(input);
    }
}
