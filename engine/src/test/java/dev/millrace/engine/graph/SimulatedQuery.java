package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.exchange.KeyGroupFunction;
import dev.millrace.engine.harness.CollectValues;
import dev.millrace.engine.harness.CountSumMax;
import dev.millrace.engine.harness.CountsByKey;
import dev.millrace.engine.harness.IntervalJoin;
import dev.millrace.engine.harness.IntervalJoin.Interval;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.operator.Aggregate;
import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.operator.GroupFunction;
import dev.millrace.engine.operator.JoinType;
import dev.millrace.engine.operator.KeyedAggregateFactory;
import dev.millrace.engine.operator.KeyedFunction;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.PartialAggregate;
import dev.millrace.engine.operator.PerTask;
import dev.millrace.engine.operator.StreamJoinFactory;
import dev.millrace.engine.operator.WatermarkAssignerFactory;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;
import dev.millrace.engine.sink.PlannedSink;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.StatefulOperator;
import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.PlannedSource;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.Source;
import dev.millrace.engine.source.SourceReader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The query of one seed, its rows, and its right answer found the simple way: sources, something that keeps state by
 * key, and a sink. It is an aggregation in either kind of buffer, with windows that the watermark closes or without;
 * or user code that counts, with a timer for each key; or a join of two sources.
 *
 * <p>Row {@code n} of partition {@code p} has the event time {@code n}, so none is ever late; its value
 * says both numbers.
 */
final class SimulatedQuery {
    static final int KEY_GROUPS = 7;

    /** What the query does with its rows. */
    enum Work {
        AGGREGATE,
        FUNCTION,
        JOIN
    }

    /** A key of the aggregation: the time when it is dropped, and a name's number, or -1 without keys. */
    record Key(long expiryMicros, int name) {}

    private static final long NEVER = Long.MAX_VALUE;
    private static final int LARGE_NAME_BYTES = 6_000;

    final Work work;

    /** Whether partitions without rows are left out of the watermark, so that some rows come too late. */
    final boolean rowsMayBeLate;

    /** Whether state is put out of memory whenever it may be. */
    final boolean spills;

    final boolean ofObjects;
    final Emission emission;

    /** Whether the aggregation's first half stands before the exchange. */
    final boolean inHalves;

    final JoinType joinType;
    final Interval interval;
    final long[] rowsOfPartition;
    private final Random random;
    private final boolean withoutKeys;
    private final long windowMicros;
    private final int sources;

    /** By source, whether it is read in portions. */
    private final boolean[] isPortioned;

    private final int[] dryOdds;
    private final byte[][] names;

    SimulatedQuery(Random random) {
        this.random = random;
        this.work = Work.values()[random.nextInt(Work.values().length)];
        this.joinType = JoinType.values()[random.nextInt(JoinType.values().length)];
        this.interval = new Interval(random.nextInt(40), random.nextInt(40));
        this.ofObjects = random.nextBoolean();
        this.withoutKeys = work == Work.AGGREGATE && !ofObjects && random.nextInt(12) == 0;
        this.emission = Emission.values()[random.nextInt(Emission.values().length)];
        boolean closes = !withoutKeys && random.nextInt(5) < 3;
        this.windowMicros = closes ? 1 + random.nextInt(60) : NEVER;
        this.rowsMayBeLate = work != Work.JOIN && closes && random.nextInt(4) == 0;
        this.spills = random.nextInt(6) == 0;
        this.sources = work == Work.JOIN ? 2 : 1 + random.nextInt(2);
        boolean large = random.nextInt(4) == 0;
        this.names = names(large ? 60 : 1 << random.nextInt(7), large);
        this.rowsOfPartition = new long[sources * (1 + random.nextInt(3))];
        this.dryOdds = new int[rowsOfPartition.length];
        for (int p = 0; p < rowsOfPartition.length; p++) {
            rowsOfPartition[p] = random.nextInt(5) == 0 ? 0 : random.nextInt(200);
            dryOdds[p] = random.nextInt(3) == 0 ? 40 : 2;
        }
        this.isPortioned = new boolean[sources];
        for (int s = 0; s < sources; s++) {
            isPortioned[s] = random.nextInt(3) == 0;
        }
        this.inHalves =
                work == Work.AGGREGATE && !ofObjects && emission != Emission.EVERY_CHANGE && random.nextBoolean();
    }

    private byte[][] names(int count, boolean large) {
        byte[][] made = new byte[count][];
        for (int i = 0; i < count; i++) {
            byte[] name = new byte[5 + i % 9 + (large ? random.nextInt(LARGE_NAME_BYTES) : 0)];
            ByteBuffer.wrap(name).putInt(i);
            name[name.length - 1] = (byte) random.nextInt(128);
            made[i] = name;
        }
        return made;
    }

    StreamGraph graph(long[] positions, PlannedSink sink) {
        StreamGraph.Builder builder = StreamGraph.builder();
        List<StreamGraph.Input> inputs = new ArrayList<>();
        for (int s = 0; s < sources; s++) {
            int stage =
                    builder.add("source " + s, List.of(), new StageBody.Reading(source(s, positions), readingChain()));
            StreamGraph.Input input = new StreamGraph.Input(stage, exchange());
            inputs.add(work == Work.JOIN && s == 1 ? input.on(Side.RIGHT) : input);
        }
        int worker = builder.add("work", inputs, new StageBody.Operating(List.of(workFactory())));
        builder.add(
                "sink", List.of(new StreamGraph.Input(worker, new Exchange.Forward())), new StageBody.Writing(sink));
        return builder.build();
    }

    private List<OperatorFactory> readingChain() {
        return inHalves
                ? List.of(
                        watermarkAssigner(),
                        new PartialAggregate.Factory(() -> new CountSumMax(withoutKeys), "first half"))
                : List.of(watermarkAssigner());
    }

    private OperatorFactory workFactory() {
        return switch (work) {
            case AGGREGATE -> new KeyedAggregateFactory(aggregates(), "work", emission);
            case FUNCTION -> new KeyedFunction.Factory(SimulatedQuery::counts, "work");
            case JOIN -> new StreamJoinFactory(task -> new IntervalJoin(interval), joinType, "work", 0);
        };
    }

    /** User code that counts the rows of a key until the watermark has passed the key's time. */
    static GroupFunction counts(OperatorContext context) {
        return new CountsByKey(GroupFunction.TimeDomain.EVENT_TIME, context);
    }

    private OperatorFactory watermarkAssigner() {
        return new WatermarkAssignerFactory(
                () -> (bytes, offset, size) -> number(bytes, offset) - 1,
                "watermark",
                0,
                rowsMayBeLate ? 20_000_000 : Long.MAX_VALUE);
    }

    private Exchange exchange() {
        KeyGroupFunction byKey = work == Work.JOIN
                ? (bytes, offset, sizeBytes) -> (int) Math.floorMod(KeyedRows.value(bytes, offset), (long) KEY_GROUPS)
                : (bytes, offset, sizeBytes) ->
                        (inHalves ? KeyedRows.lastOfKey(bytes, offset) : bytes[offset + sizeBytes - 1]) % KEY_GROUPS;
        return withoutKeys ? new Exchange.Single() : new Exchange.Hash("key", () -> byKey);
    }

    PerTask<Aggregate> aggregates() {
        if (inHalves) {
            return () -> CountSumMax.ofResults(withoutKeys);
        }
        return () -> ofObjects ? new CollectValues() : new CountSumMax(withoutKeys);
    }

    /** The operators with state, as a manifest names them. */
    Map<OperatorId, StatefulOperator> operators() {
        Map<OperatorId, StatefulOperator> operators = new HashMap<>();
        for (int s = 0; s < sources; s++) {
            operators.put(new OperatorId(s, 0), new StatefulOperator("watermark"));
        }
        operators.put(worker(), new StatefulOperator("work"));
        return operators;
    }

    /** What keeps the state by key. */
    OperatorId worker() {
        return new OperatorId(sources, 0);
    }

    /**
     * The positions that an epoch ended at, of all partitions of all sources.
     *
     * @param graph what ran, with the driver's sources
     */
    long[] flatten(Map<Integer, List<Object>> positions, StreamGraph graph) {
        long[] flat = new long[rowsOfPartition.length];
        int at = 0;
        for (int s = 0; s < sources; s++) {
            List<Object> ofSource = positions.get(s);
            List<Object> ofPartitions = graph.stages().get(s).body() instanceof StageBody.Reading reading
                            && reading.source() instanceof SimulatedPortions portioned
                    ? boxed(portioned.endsBehind(same(ofSource)))
                    : ofSource;
            for (Object position : ofPartitions) {
                flat[at++] = (long) position;
            }
        }
        return flat;
    }

    private static List<Object> boxed(long[] numbers) {
        return Arrays.stream(numbers).<Object>mapToObj(Long::valueOf).toList();
    }

    /** An epoch ends behind the same portion for all readers. */
    private static long same(List<Object> positions) {
        assertThat(Set.copyOf(positions)).hasSize(1);
        return (long) positions.get(0);
    }

    /** Adds what every key takes between two positions. */
    void addValues(long[] from, long[] to, Map<Key, List<Long>> values) {
        for (int p = 0; p < to.length; p++) {
            for (long n = from[p]; n < to[p]; n++) {
                Key key = new Key(expiryMicros(n), withoutKeys ? -1 : name(p, n));
                values.computeIfAbsent(key, made -> new ArrayList<>()).add(value(p, n));
            }
        }
    }

    /** What the aggregate makes of a key's values, those of objects sorted. */
    List<Long> payload(List<Long> values) {
        if (ofObjects) {
            return values.stream().sorted().toList();
        }
        long sum = values.stream().mapToLong(Long::longValue).sum();
        long max = values.stream().mapToLong(Long::longValue).max().orElseThrow();
        return List.of((long) values.size(), sum, max);
    }

    /** The greatest watermark that may hold at the positions when no partition is left out. */
    long watermarkAt(long[] positions) {
        long least = Long.MAX_VALUE;
        int partitions = positions.length / sources;
        for (int s = 0; s < sources; s++) {
            long[] ofSource = Arrays.copyOfRange(positions, s * partitions, (s + 1) * partitions);
            long position = isPortioned[s]
                    ? Arrays.stream(ofSource).max().orElseThrow()
                    : Arrays.stream(ofSource).min().orElseThrow();
            least = Math.min(least, position == 0 ? Long.MIN_VALUE : position - 2);
        }
        return least;
    }

    static Key keyOf(RowView key) {
        if (key.sizeBytes() == 0) {
            return new Key(NEVER, -1);
        }
        byte[] bytes = key.toBytes();
        return new Key(KeyedRows.expiryMicros(bytes), ByteBuffer.wrap(bytes).getInt(Long.BYTES));
    }

    private long value(int partition, long number) {
        return number * rowsOfPartition.length + partition;
    }

    private long expiryMicros(long number) {
        return windowMicros == NEVER ? NEVER : (number / windowMicros + 1) * windowMicros - 1;
    }

    private int name(int partition, long number) {
        return (int) Long.remainderUnsigned((number * 31 + partition) * 0x9E3779B97F4A7C15L >>> 17, names.length);
    }

    byte[] row(int partition, long number) {
        long value = value(partition, number);
        int name = name(partition, number);
        if (work == Work.JOIN) {
            return IntervalJoin.row(
                    value % 23 == 0 ? IntervalJoin.NULL_KEY : name, number, value, (int) (value % 3) * 8);
        }
        return KeyedRows.row(value, expiryMicros(number), names[name]);
    }

    /** The number of a row, which is its event time. */
    private long number(byte[] bytes, int offset) {
        return work == Work.JOIN
                ? KeyedRows.value(bytes, offset + Long.BYTES)
                : KeyedRows.value(bytes, offset) / rowsOfPartition.length;
    }

    /** The side of a join that a row comes from: one source is the left one, the other the right one. */
    Side sideOf(byte[] row) {
        long partition = KeyedRows.value(row, 2 * Long.BYTES) % rowsOfPartition.length;
        return partition < rowsOfPartition.length / 2 ? Side.LEFT : Side.RIGHT;
    }

    /** Shows the rows between two positions. */
    void forEachRow(long[] from, long[] to, Consumer<byte[]> rows) {
        for (int p = 0; p < to.length; p++) {
            for (long n = from[p]; n < to[p]; n++) {
                rows.accept(row(p, n));
            }
        }
    }

    private Source source(int index, long[] positions) {
        int partitions = rowsOfPartition.length / sources;
        if (isPortioned[index]) {
            int first = index * partitions;
            long[] from = Arrays.copyOfRange(positions, first, first + partitions);
            return new SimulatedPortions(this, first, from, random);
        }
        List<ReaderFactory> readers = new ArrayList<>();
        for (int p = index * partitions; p < (index + 1) * partitions; p++) {
            readers.add(new Readers(this, p, positions[p]));
        }
        return PlannedSource.flowing("rows", readers);
    }

    private record Readers(SimulatedQuery query, int partition, long position) implements ReaderFactory {
        @Override
        public String partitionName(int unused) {
            return "partition %d".formatted(partition);
        }

        @Override
        public SourceReader create() {
            return query.new Reader(partition, position);
        }
    }

    private final class Reader implements SourceReader {
        private final int partition;
        private final RowView row = new RowView();
        private List<PartitionOutput> outputs = List.of();
        private long given;

        Reader(int partition, long position) {
            this.partition = partition;
            this.given = position;
        }

        @Override
        public void open(List<PartitionOutput> opened) {
            outputs = opened;
            outputs.get(0).publish(given);
        }

        @Override
        public boolean read() {
            PartitionOutput output = outputs.get(0);
            boolean room = true;
            while (given < rowsOfPartition[partition] && random.nextInt(dryOdds[partition]) == 0) {
                byte[] bytes = SimulatedQuery.this.row(partition, given);
                row.pointTo(bytes, 0, bytes.length);
                if (!output.append(row)) {
                    output.publish(given);
                    room = output.append(row);
                    if (!room) {
                        break;
                    }
                }
                given++;
            }
            output.publish(given);
            return room;
        }
    }
}
