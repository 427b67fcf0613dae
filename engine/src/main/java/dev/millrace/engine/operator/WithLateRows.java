package dev.millrace.engine.operator;

import dev.millrace.engine.snapshot.StateSchema;
import java.util.List;
import java.util.function.Supplier;

/** An operator whose late rows somebody asks for. */
public record WithLateRows(OperatorFactory operator, Supplier<LateRowEncoder> lateRows) implements OperatorFactory {
    @Override
    public Operator create() {
        return operator.create();
    }

    @Override
    public String name() {
        return operator.name();
    }

    @Override
    public boolean keepsState() {
        return operator.keepsState();
    }

    @Override
    public List<StateSchema> states() {
        return operator.states();
    }

    @Override
    public boolean observes() {
        return operator.observes();
    }

    @Override
    public boolean dropsLateRows() {
        return operator.dropsLateRows();
    }

    @Override
    public boolean takesTwoInputs() {
        return operator.takesTwoInputs();
    }

    @Override
    public boolean assignsWatermark() {
        return operator.assignsWatermark();
    }
}
