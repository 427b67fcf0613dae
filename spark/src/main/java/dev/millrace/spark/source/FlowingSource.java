package dev.millrace.spark.source;

import dev.millrace.engine.source.PlannedSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.PartitionOffset;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.StructType;

/**
 * A stream whose readers never end: an epoch ends behind any of their rows.
 *
 * <p>Thread: the query's, but the readers.
 */
public final class FlowingSource extends SparkSource {
    /** Continuous streams cannot tell what they hold. */
    private static final long QUIET_WITHOUT_TARGET_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

    /** Kafka's latest offset counts records that no consumer sees. */
    private static final long QUIET_WITH_TARGET_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final StreamAdapter adapter;
    private final ReaderPlanner readers;

    /** Has the partitions that the stream had when its readers were made; empty when it had none. */
    private Optional<Offset> plannedLatest = Optional.empty();

    private FlowingSource(String name, StreamAdapter adapter, ReaderPlanner readers) {
        super(name, adapter.stream());
        this.adapter = adapter;
        this.readers = readers;
    }

    /** @param conf the query's settings */
    static FlowingSource of(SQLConf conf, String name, StreamAdapter adapter, StructType schema) {
        ReaderPlanner readers = StreamReads.of(
                new ReadRequest(conf, name, adapter.stream()),
                () -> (partitions, workerCount) -> connectorReaders(name, adapter, schema, partitions));
        return new FlowingSource(name, adapter, readers);
    }

    private static List<PartitionSourceReader.Factory> connectorReaders(
            String name, StreamAdapter adapter, StructType schema, InputPartition[] partitions) {
        StreamAdapter.CursorFactory cursors = adapter.cursors();
        List<PartitionSourceReader.Factory> made = new ArrayList<>(partitions.length);
        for (int i = 0; i < partitions.length; i++) {
            made.add(new PartitionSourceReader.Factory(name, i, partitions.length, partitions[i], cursors, schema));
        }
        return made;
    }

    @Override
    Optional<Offset> firstOffset() {
        return Optional.of(stream().initialOffset());
    }

    @Override
    Offset offsetOf(String json) {
        return stream().deserializeOffset(json);
    }

    /** Readers of every partition that the stream has now, from the committed offset. */
    @Override
    public PlannedSource plan(int workerCount, int loopCount) {
        // Kafka plans by the partitions that it last saw, so it must have looked first.
        plannedLatest = latest();
        InputPartition[] partitions = asking("plan its partitions", () -> adapter.planInputPartitions(start()));
        return PlannedSource.flowing(
                name(), asking("make its readers", () -> readers.readers(partitions, workerCount)));
    }

    /** Such a stream always has a first offset. */
    private Offset start() {
        return committed().orElseThrow(() -> new IllegalStateException("source=%s has no start yet".formatted(name())));
    }

    @Override
    public Optional<Offset> merge(List<Object> positions) {
        if (positions.isEmpty()) {
            return committed();
        }
        PartitionOffset[] offsets = new PartitionOffset[positions.size()];
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = (PartitionOffset) positions.get(i);
        }
        return Optional.of(asking("merge its offsets", () -> adapter.merge(offsets)));
    }

    @Override
    public void commit(Offset offset) {
        super.commit(offset);
        asking("take a commit", () -> {
            stream().commit(offset);
            return offset;
        });
    }

    @Override
    public Optional<Offset> latest() {
        return asking("tell its latest offset", () -> adapter.latest(start()));
    }

    @Override
    public Target targetNow() {
        Optional<Offset> target = latest();
        return new Target() {
            @Override
            public boolean isReached() {
                return target.isPresent()
                        && OffsetJson.hasReached(start().json(), target.get().json());
            }

            @Override
            public long quietNanos() {
                return target.isPresent() ? QUIET_WITH_TARGET_NANOS : QUIET_WITHOUT_TARGET_NANOS;
            }
        };
    }

    @Override
    public boolean needsReconfiguration(Optional<Offset> latest) {
        String planned = plannedLatest.orElseGet(this::start).json();
        return adapter.needsReconfiguration()
                || latest.map(offset -> OffsetJson.hasOtherPartitions(offset.json(), planned))
                        .orElse(false);
    }
}
