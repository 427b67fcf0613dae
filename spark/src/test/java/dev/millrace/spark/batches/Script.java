package dev.millrace.spark.batches;

import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;

/**
 * What the sources of a query hold, cut into batches.
 *
 * @param schemas the rows of each source
 * @param batches the batches, in their order
 */
public record Script(List<StructType> schemas, List<Batch> batches) {
    /**
     * One batch.
     *
     * @param rows for each source, its rows of this batch
     * @param endsTrigger whether the query is to come to rest behind it, with all epochs without data that it
     *     wants, before the next batch is there
     */
    public record Batch(List<List<Row>> rows, boolean endsTrigger) {
        public Batch {
            rows = rows.stream().map(List::copyOf).toList();
        }
    }

    public Script {
        schemas = List.copyOf(schemas);
        batches = List.copyOf(batches);
    }

    /** How many batches are there each time that the query comes to rest; the last are all. */
    public List<Integer> rests() {
        return IntStream.rangeClosed(1, batches.size())
                .filter(count ->
                        count == batches.size() || batches.get(count - 1).endsTrigger())
                .boxed()
                .toList();
    }
}
