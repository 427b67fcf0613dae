package dev.millrace.spark.plan;

import dev.millrace.engine.exchange.KeyGroupFunction;
import dev.millrace.engine.graph.Exchange;
import dev.millrace.engine.graph.StageBody;
import dev.millrace.engine.graph.StreamGraph;
import dev.millrace.engine.graph.StreamGraph.Input;
import dev.millrace.engine.graph.StreamGraph.Stage;
import dev.millrace.engine.harness.Event;
import dev.millrace.engine.harness.OperatorHarness;
import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.PulledFragment;
import dev.millrace.engine.page.RowView;
import dev.millrace.spark.fragment.TaskCopies;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Runs a graph stage by stage on one thread, each operator under the harness: what it computes, without
 * what the runtime adds. All that runs comes from bytes, as it does on a worker.
 */
final class GraphRunner {
    /** How the harness treats each operator. */
    @FunctionalInterface
    interface Treatment {
        OperatorHarness.Outcome run(OperatorHarness harness, List<Event> events) throws Exception;
    }

    private final StreamGraph graph;
    private final List<MemoryTable> sources;
    private final int keyGroupCount;
    private final Treatment treatment;
    private final Map<Integer, List<Event>> eventsOfStage = new HashMap<>();

    GraphRunner(StreamGraph graph, List<MemoryTable> sources, int keyGroupCount, Treatment treatment) {
        this.graph = graph;
        this.sources = sources;
        this.keyGroupCount = keyGroupCount;
        this.treatment = treatment;
    }

    /** What reaches the sink. The sources give their rows, and then one barrier. */
    List<Event> run() throws Exception {
        for (Stage stage : graph.stages()) {
            List<Event> input = merged(stage.inputs());
            if (stage.body() instanceof StageBody.Reading reading) {
                MemoryTable table = (MemoryTable) reading.source();
                assert sources.contains(table);
                List<Event> read = new ArrayList<>(events(table.bytes()));
                read.add(Event.barrier(0));
                eventsOfStage.put(stage.id(), chain(reading.chain(), read, row -> 0));
            } else if (stage.body() instanceof StageBody.Operating operating) {
                eventsOfStage.put(stage.id(), chain(operating.chain(), input, keyGroups(stage)));
            } else if (stage.body() instanceof StageBody.Pulling pulling) {
                eventsOfStage.put(stage.id(), pull(shipped(pulling.fragment()).create(0, 1), input));
            } else {
                return input;
            }
        }
        throw new AssertionError("no sink");
    }

    /** The events of one input; of several the rows of all, and behind them the least watermark and a barrier. */
    private List<Event> merged(List<Input> inputs) {
        if (inputs.size() == 1) {
            return eventsOf(inputs.get(0));
        }
        List<Event> events = new ArrayList<>();
        long watermarkMicros = Long.MAX_VALUE;
        for (Input input : inputs) {
            long last = Long.MIN_VALUE;
            for (Event event : eventsOf(input)) {
                if (event instanceof Event.Row) {
                    events.add(event);
                } else if (event instanceof Event.Watermark watermark) {
                    last = watermark.micros();
                }
            }
            watermarkMicros = last == Long.MIN_VALUE ? watermarkMicros : Math.min(watermarkMicros, last);
        }
        if (watermarkMicros != Long.MAX_VALUE) {
            events.add(Event.watermark(watermarkMicros));
        }
        events.add(Event.barrier(0));
        return events;
    }

    private List<Event> eventsOf(Input input) {
        return Objects.requireNonNull(eventsOfStage.get(input.stageId()));
    }

    private static List<Event> events(List<byte[]> rows) {
        return rows.stream().map(Event::row).toList();
    }

    /** The bytes of the rows among events. */
    static List<byte[]> rows(List<Event> events) {
        List<byte[]> rows = new ArrayList<>();
        for (Event event : events) {
            if (event instanceof Event.Row row) {
                rows.add(row.view().toBytes());
            }
        }
        return rows;
    }

    /** The rows of the last epoch that has any. */
    static List<byte[]> rowsOfLastEpoch(List<Event> events) {
        List<byte[]> last = List.of();
        List<Event> epoch = new ArrayList<>();
        for (Event event : events) {
            epoch.add(event);
            if (event instanceof Event.Barrier) {
                List<byte[]> rows = rows(epoch);
                last = rows.isEmpty() ? last : rows;
                epoch.clear();
            }
        }
        return last;
    }

    private static <T> T shipped(T made) {
        return TaskCopies.of(made).copy();
    }

    @FunctionalInterface
    private interface KeyGroupOfRow {
        int of(byte[] row);
    }

    private static KeyGroupOfRow keyGroups(Stage stage) {
        if (stage.inputs().get(0).exchange() instanceof Exchange.Hash hash) {
            KeyGroupFunction function = shipped(hash).functions().get();
            return row -> function.keyGroup(row, 0, row.length);
        }
        return row -> 0;
    }

    private List<Event> chain(List<OperatorFactory> chain, List<Event> input, KeyGroupOfRow keyGroups)
            throws Exception {
        List<Event> events = input;
        // Key groups come from the exchange; the rows between two operators of a chain have none.
        KeyGroupFunction function = (bytes, offset, sizeBytes) ->
                keyGroups.of(java.util.Arrays.copyOfRange(bytes, offset, offset + sizeBytes));
        for (OperatorFactory factory : shipped(chain)) {
            OperatorHarness harness = new OperatorHarness(factory::create, keyGroupCount, function);
            events = treatment.run(harness, events).events();
            function = (bytes, offset, sizeBytes) -> 0;
        }
        return events;
    }

    /** Opens the fragment twice, half of the rows each, as two epochs would. Marks come behind all rows. */
    private static List<Event> pull(PulledFragment fragment, List<Event> input) throws Exception {
        List<Event> events = new ArrayList<>();
        List<byte[]> rows = rows(input);
        int half = rows.size() / 2;
        for (List<byte[]> epoch : List.of(rows.subList(0, half), rows.subList(half, rows.size()))) {
            PulledFragment.RowIterator iterator = fragment.open(new Rows(epoch));
            while (iterator.hasNext()) {
                events.add(Event.row(iterator.next().toBytes()));
            }
        }
        fragment.close();
        input.stream().filter(event -> !(event instanceof Event.Row)).forEach(events::add);
        return events;
    }

    private static final class Rows implements PulledFragment.RowIterator {
        private final List<byte[]> rows;
        private final RowView view = new RowView();
        private int next;

        Rows(List<byte[]> rows) {
            this.rows = rows;
        }

        @Override
        public boolean hasNext() {
            // What was given before is gone by now.
            java.util.Arrays.fill(view.bytes(), (byte) 0xA5);
            return next < rows.size();
        }

        @Override
        public RowView next() {
            byte[] copy = rows.get(next++).clone();
            return view.pointTo(copy, 0, copy.length);
        }
    }
}
