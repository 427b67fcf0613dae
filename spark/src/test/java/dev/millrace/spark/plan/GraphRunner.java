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
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Runs a graph stage by stage on one thread, each operator under the harness: what it computes, without
 * what the runtime adds.
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
    private final Map<Integer, List<byte[]>> rowsOfStage = new HashMap<>();

    GraphRunner(StreamGraph graph, List<MemoryTable> sources, int keyGroupCount, Treatment treatment) {
        this.graph = graph;
        this.sources = sources;
        this.keyGroupCount = keyGroupCount;
        this.treatment = treatment;
    }

    /** The rows that reach the sink. */
    List<byte[]> run() throws Exception {
        for (Stage stage : graph.stages()) {
            List<byte[]> input = new ArrayList<>();
            for (Input from : stage.inputs()) {
                input.addAll(Objects.requireNonNull(rowsOfStage.get(from.stageId())));
            }
            if (stage.body() instanceof StageBody.Reading reading) {
                MemoryTable table = (MemoryTable) reading.source();
                assert sources.contains(table);
                rowsOfStage.put(stage.id(), chain(reading.chain(), table.bytes(), row -> 0));
            } else if (stage.body() instanceof StageBody.Operating operating) {
                rowsOfStage.put(stage.id(), chain(operating.chain(), input, keyGroups(stage)));
            } else if (stage.body() instanceof StageBody.Pulling pulling) {
                rowsOfStage.put(stage.id(), pull(pulling.fragment().create(0, 1), input));
            } else {
                return input;
            }
        }
        throw new AssertionError("no sink");
    }

    @FunctionalInterface
    private interface KeyGroupOfRow {
        int of(byte[] row);
    }

    private static KeyGroupOfRow keyGroups(Stage stage) {
        if (stage.inputs().get(0).exchange() instanceof Exchange.Hash hash) {
            KeyGroupFunction function = hash.functions().get();
            return row -> function.keyGroup(row, 0, row.length);
        }
        return row -> 0;
    }

    private List<byte[]> chain(List<OperatorFactory> chain, List<byte[]> input, KeyGroupOfRow keyGroups)
            throws Exception {
        List<byte[]> rows = input;
        for (OperatorFactory factory : chain) {
            KeyGroupFunction function = (bytes, offset, sizeBytes) ->
                    keyGroups.of(java.util.Arrays.copyOfRange(bytes, offset, offset + sizeBytes));
            OperatorHarness harness = new OperatorHarness(factory::create, keyGroupCount, function);
            rows = treatment
                    .run(harness, rows.stream().map(Event::row).toList())
                    .rows();
        }
        return rows;
    }

    /** Opens the fragment twice, half of the rows each, as two epochs would. */
    private static List<byte[]> pull(PulledFragment fragment, List<byte[]> input) throws Exception {
        List<byte[]> rows = new ArrayList<>();
        int half = input.size() / 2;
        for (List<byte[]> epoch : List.of(input.subList(0, half), input.subList(half, input.size()))) {
            PulledFragment.RowIterator iterator = fragment.open(new Rows(epoch));
            while (iterator.hasNext()) {
                rows.add(iterator.next().toBytes());
            }
        }
        fragment.close();
        return rows;
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
