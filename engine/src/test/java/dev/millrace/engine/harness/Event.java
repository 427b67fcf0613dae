package dev.millrace.engine.harness;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.page.Side;

/** One thing that happens to an operator under test. */
public sealed interface Event {
    /** A row comes from an input partition, by one of an operator's inputs. */
    record Row(RowView view, int inputPartition, Side side) implements Event {}

    /** The operator's input has a new watermark. */
    record Watermark(long micros) implements Event {}

    /** An epoch ends. */
    record Barrier(long epoch) implements Event {}
    /** The operator's clock moves to a time. */
    record Time(long millis) implements Event {}

    static Event row(byte[] bytes) {
        return row(bytes, 0);
    }

    static Event row(byte[] bytes, int inputPartition) {
        return new Row(new RowView().pointTo(bytes, 0, bytes.length), inputPartition, Side.LEFT);
    }

    static Event row(Side side, byte[] bytes) {
        return new Row(new RowView().pointTo(bytes, 0, bytes.length), 0, side);
    }

    static Event time(long millis) {
        return new Time(millis);
    }

    static Event watermark(long micros) {
        return new Watermark(micros);
    }

    static Event barrier(long epoch) {
        return new Barrier(epoch);
    }
}
