package dev.millrace.engine.graph;

import dev.millrace.engine.graph.SimulatedQuery.Key;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.sink.Sink;
import dev.millrace.engine.sink.SinkWriter;
import java.util.ArrayList;
import java.util.List;

/** A transactional sink: the message of an epoch is the list of one task's result rows, which count once it is committed. */
final class CapturingSink implements Sink {
    /** A result row: the aggregate's answer for a key. */
    record Result(Key key, List<Long> payload) {}

    @Override
    public String name() {
        return "capturing";
    }

    @Override
    public SinkWriter writer(int taskIndex, int taskCount) {
        return new SinkWriter() {
            private final RowView row = new RowView();
            private List<Result> uncommitted = new ArrayList<>();

            @Override
            public void open(long epoch) {}

            @Override
            public void write(RowCursor rows) {
                for (; rows.hasRow(); rows.advance()) {
                    rows.row(row);
                    uncommitted.add(resultOf(row));
                }
            }

            @Override
            public Object prepare(long epoch) {
                List<Result> message = uncommitted;
                uncommitted = new ArrayList<>();
                return message;
            }
        };
    }

    private static Result resultOf(RowView row) {
        int keySizeBytes = (int) KeyedRows.value(row);
        int keyOffset = row.offset() + Long.BYTES;
        Key key = SimulatedQuery.keyOf(new RowView().pointTo(row.bytes(), keyOffset, keySizeBytes));
        RowView payload = new RowView();
        payload.pointTo(row.bytes(), keyOffset + keySizeBytes, row.sizeBytes() - Long.BYTES - keySizeBytes);
        return new Result(key, longs(payload));
    }

    /** The longs that a payload consists of. */
    static List<Long> longs(RowView payload) {
        List<Long> longs = new ArrayList<>();
        for (int at = 0; at < payload.sizeBytes(); at += Long.BYTES) {
            longs.add(KeyedRows.value(payload.bytes(), payload.offset() + at));
        }
        return longs;
    }
}
