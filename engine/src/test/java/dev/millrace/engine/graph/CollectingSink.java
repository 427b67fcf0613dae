package dev.millrace.engine.graph;

import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.sink.PlannedSink;
import dev.millrace.engine.sink.SinkWriter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Keeps what it is given: the message of an epoch is the list of its (key, number) rows of one task. */
final class CollectingSink implements PlannedSink {
    record Pair(long key, long number) {}

    final List<Pair> all = Collections.synchronizedList(new ArrayList<>());
    final List<String> events = Collections.synchronizedList(new ArrayList<>());

    @Override
    public String name() {
        return "collecting";
    }

    @Override
    public SinkWriter writer(int taskIndex, int taskCount) {
        return new SinkWriter() {
            private final RowView row = new RowView();
            private List<Pair> epochRows = new ArrayList<>();

            @Override
            public void open(long epoch) {
                events.add("open " + taskIndex);
            }

            @Override
            public void write(RowCursor rows) {
                for (; rows.hasRow(); rows.advance()) {
                    rows.row(row);
                    Pair pair = new Pair(
                            NumberSource.longAt(row.bytes(), row.offset()),
                            NumberSource.longAt(row.bytes(), row.offset() + 8));
                    epochRows.add(pair);
                    all.add(pair);
                }
            }

            @Override
            public Object prepare(long epoch) {
                List<Pair> message = epochRows;
                epochRows = new ArrayList<>();
                return message;
            }

            @Override
            public void close() {
                events.add("close " + taskIndex);
            }
        };
    }
}
