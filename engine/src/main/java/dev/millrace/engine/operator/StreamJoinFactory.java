package dev.millrace.engine.operator;

import dev.millrace.engine.page.Side;
import dev.millrace.engine.snapshot.StateSchema;
import java.util.List;

/**
 * Makes the {@link StreamJoin} of each task.
 *
 * @param joins makes one task's expressions, on the task's own thread
 * @param outputDelayMicros how far rows that come out may lie behind the watermark that comes in
 * @param states what the state holds, by the number of the {@link Side}
 */
public record StreamJoinFactory(
        Join.Factory joins, JoinType type, String name, long outputDelayMicros, List<StateSchema> states)
        implements OperatorFactory {
    public StreamJoinFactory {
        states = List.copyOf(states);
    }

    /** Of operators whose state nobody else reads. */
    public StreamJoinFactory(Join.Factory joins, JoinType type, String name, long outputDelayMicros) {
        this(joins, type, name, outputDelayMicros, List.of());
    }

    @Override
    public boolean keepsState() {
        return true;
    }

    @Override
    public boolean takesTwoInputs() {
        return true;
    }

    @Override
    public boolean dropsLateRows() {
        return true;
    }

    @Override
    public Operator create() {
        return new StreamJoin(joins, type, outputDelayMicros);
    }
}
