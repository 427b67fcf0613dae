package dev.millrace.engine.operator;

/**
 * Makes the {@link StreamJoin} of each task.
 *
 * @param joins makes one task's expressions, on the task's own thread
 * @param outputDelayMicros how far rows that come out may lie behind the watermark that comes in
 */
public record StreamJoinFactory(Join.Factory joins, JoinType type, String name, long outputDelayMicros)
        implements OperatorFactory {

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
