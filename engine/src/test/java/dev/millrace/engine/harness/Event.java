package dev.millrace.engine.harness;

import dev.millrace.engine.page.RowView;

/** One thing that happens to an operator under test. */
public sealed interface Event {
    /** A row comes from an input partition. */
    record Row(RowView view, int inputPartition) implements Event {}

    /** The operator's input has a new watermark. */
    record Watermark(long micros) implements Event {}

    /** The operator's clock moves to a time. */
    record Time(long millis) implements Event {}

    static Event row(byte[] bytes) {
        return row(bytes, 0);
    }

    static Event row(byte[] bytes, int inputPartition) {
        return new Row(new RowView().pointTo(bytes, 0, bytes.length), inputPartition);
    }

    static Event time(long millis) {
        return new Time(millis);
    }

    static Event watermark(long micros) {
        return new Watermark(micros);
    }
}
