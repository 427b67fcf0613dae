package dev.millrace.spark.batches;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.CatalystTypeConverters$;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.ReadAllAvailable;
import org.apache.spark.sql.connector.read.streaming.ReadLimit;
import org.apache.spark.sql.connector.read.streaming.SupportsTriggerAvailableNow;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import org.jspecify.annotations.Nullable;

/**
 * A source that gives the rows of a {@link Script}, a batch of it as a batch of the query: all sources of a
 * script move on together. Any process may read them: a partition's rows travel with it. Options: {@code script}; {@code
 * source}, its number there; {@code partitions}.
 */
public final class ScriptedProvider implements TableProvider {
    /** A script that is being played. */
    private static final class Play {
        private final Script script;
        private final BatchesProvider.Witness witness;
        private volatile int published;

        Play(Script script, BatchesProvider.Witness witness) {
            this.script = script;
            this.witness = witness;
        }
    }

    private static final Map<String, Play> PLAYS = new ConcurrentHashMap<>();

    /** Makes a script known; none of its batches is there yet. */
    public static void put(String name, Script script) {
        put(name, script, BatchesProvider.Witness.NONE);
    }

    /** As {@link #put(String, Script)}, with somebody who sees each read. */
    public static void put(String name, Script script, BatchesProvider.Witness witness) {
        PLAYS.put(name, new Play(script, witness));
    }

    /** Lets the first batches of a script be there. */
    public static void publish(String name, int batches) {
        play(name).published = batches;
    }

    /** How many of its batches are there. */
    public static int published(String name) {
        return play(name).published;
    }

    public static void remove(String name) {
        PLAYS.remove(name);
    }

    private static Play play(String name) {
        Play play = PLAYS.get(name);
        if (play == null) {
            throw new IllegalArgumentException("There is no script " + name);
        }
        return play;
    }

    @Override
    public StructType inferSchema(CaseInsensitiveStringMap options) {
        return play(options.get("script")).script.schemas().get(options.getInt("source", 0));
    }

    @Override
    public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
        return new ScriptedTable(schema);
    }

    private record ScriptedTable(StructType rows) implements Table, SupportsRead {
        @Override
        public String name() {
            return "scripted";
        }

        @Override
        @SuppressWarnings("deprecation") // Spark asks for the schema in this form too
        public StructType schema() {
            return rows;
        }

        @Override
        public Set<TableCapability> capabilities() {
            return Set.of(TableCapability.MICRO_BATCH_READ);
        }

        @Override
        public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
            return () -> new ScriptedScan(
                    rows, options.get("script"), options.getInt("source", 0), options.getInt("partitions", 1));
        }
    }

    private record ScriptedScan(StructType readSchema, String script, int source, int partitions) implements Scan {
        @Override
        public MicroBatchStream toMicroBatchStream(String checkpointLocation) {
            return new ScriptedStream(this);
        }
    }

    private static final class BatchCount extends Offset {
        private final int count;

        BatchCount(int count) {
            this.count = count;
        }

        @Override
        public String json() {
            return Integer.toString(count);
        }
    }

    private record Part(StructType schema, List<Row> rows, BatchesProvider.Witness witness) implements InputPartition {
        private static final long serialVersionUID = 1L;
    }

    /** A batch of the script at a time. */
    private static final class ScriptedStream implements MicroBatchStream, SupportsTriggerAvailableNow {
        private final ScriptedScan scan;
        private int last = Integer.MAX_VALUE;

        ScriptedStream(ScriptedScan scan) {
            this.scan = scan;
        }

        @Override
        public Offset initialOffset() {
            return new BatchCount(0);
        }

        @Override
        public Offset deserializeOffset(String json) {
            return new BatchCount(Integer.parseInt(json));
        }

        /** One batch; who has no limit asks for all. */
        @Override
        public ReadLimit getDefaultReadLimit() {
            return ReadLimit.maxFiles(1);
        }

        @Override
        public void prepareForTriggerAvailableNow() {
            last = play(scan.script()).published;
        }

        @Override
        public Offset latestOffset(Offset start, ReadLimit limit) {
            int from = ((BatchCount) start).count;
            int there = Math.max(from, Math.min(last, play(scan.script()).published));
            return new BatchCount(limit instanceof ReadAllAvailable ? there : Math.min(from + 1, there));
        }

        @Override
        public Offset latestOffset() {
            throw new UnsupportedOperationException("asked without a start");
        }

        @Override
        public InputPartition[] planInputPartitions(Offset start, Offset end) {
            InputPartition[] parts = new InputPartition[scan.partitions()];
            Play play = play(scan.script());
            for (int i = 0; i < parts.length; i++) {
                List<Row> rows = new ArrayList<>();
                for (int batch = ((BatchCount) start).count; batch < ((BatchCount) end).count; batch++) {
                    List<Row> ofBatch = play.script.batches().get(batch).rows().get(scan.source());
                    for (int row = i; row < ofBatch.size(); row += parts.length) {
                        rows.add(ofBatch.get(row));
                    }
                }
                parts[i] = new Part(scan.readSchema(), rows, play.witness);
            }
            return parts;
        }

        @Override
        public PartitionReaderFactory createReaderFactory() {
            return new RowsFactory();
        }

        @Override
        public void commit(Offset end) {}

        @Override
        public void stop() {}
    }

    private static final class RowsFactory implements PartitionReaderFactory {
        private static final long serialVersionUID = 1L;

        @Override
        public PartitionReader<InternalRow> createReader(InputPartition partition) {
            Part part = (Part) partition;
            var toCatalyst = CatalystTypeConverters$.MODULE$.createToCatalystConverter(part.schema());
            List<InternalRow> rows = new ArrayList<>();
            part.rows().forEach(row -> rows.add((InternalRow) toCatalyst.apply(row)));
            return new RowsReader(rows, part.witness());
        }
    }

    private static final class RowsReader implements PartitionReader<InternalRow> {
        private final List<InternalRow> rows;
        private final BatchesProvider.Witness witness;
        private int next;
        private @Nullable InternalRow row;

        RowsReader(List<InternalRow> rows, BatchesProvider.Witness witness) {
            this.rows = rows;
            this.witness = witness;
        }

        @Override
        public boolean next() throws IOException {
            if (next == rows.size()) {
                return false;
            }
            witness.reading();
            row = rows.get(next++);
            return true;
        }

        @Override
        public InternalRow get() {
            return java.util.Objects.requireNonNull(row);
        }

        @Override
        public void close() {}
    }
}
