package dev.millrace.engine.graph;

import dev.millrace.engine.page.Side;
import dev.millrace.engine.stream.WatermarkPolicy;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * The description of a dataflow: stages, and the exchanges between them. Immutable; says nothing of
 * threads. Stage ids count up from 0, and a stage's inputs have smaller ids than its own.
 */
public final class StreamGraph implements Serializable {
    private static final long serialVersionUID = 1L;

    /**
     * An edge: the stage that produces, how its rows are spread, and by which input they come.
     *
     * @param isLate whether the rows are those that the stage's operators drop as late
     */
    public record Input(int stageId, Exchange exchange, Side side, boolean isLate) implements Serializable {
        public Input(int stageId, Exchange exchange) {
            this(stageId, exchange, Side.LEFT, false);
        }

        /** The late rows of a stage. */
        public static Input late(int stageId) {
            return new Input(stageId, new Exchange.Forward(), Side.LEFT, true);
        }

        /** The same rows by another input. */
        public Input on(Side newSide) {
            return new Input(stageId, exchange, newSide, isLate);
        }
    }

    public record Stage(int id, String name, List<Input> inputs, StageBody body) implements Serializable {
        /** Whether the stage takes late rows alone. */
        public boolean isLate() {
            return inputs.stream().anyMatch(Input::isLate);
        }
    }

    private final List<Stage> stages;
    private final WatermarkPolicy watermarkPolicy;

    StreamGraph(List<Stage> stages, WatermarkPolicy watermarkPolicy) {
        this.stages = List.copyOf(stages);
        this.watermarkPolicy = watermarkPolicy;
    }

    public static Builder builder() {
        return new Builder();
    }

    public List<Stage> stages() {
        return stages;
    }

    /** How several watermarks become one. */
    public WatermarkPolicy watermarkPolicy() {
        return watermarkPolicy;
    }

    /** One line per stage, sinks first and sources last, as {@code explain} prints it. */
    public String describe() {
        StringBuilder text = new StringBuilder();
        for (int i = stages.size() - 1; i >= 0; i--) {
            Stage stage = stages.get(i);
            text.append("stage ").append(stage.id()).append(": ").append(stage.name());
            for (Input input : stage.inputs()) {
                text.append(input.side() == Side.LEFT ? " <- " : " <- right ")
                        .append(input.exchange().describe())
                        .append(input.isLate() ? " late rows of stage " : " stage ")
                        .append(input.stageId());
            }
            text.append('\n');
        }
        return text.toString();
    }

    /** Collects stages in the order of the flow. Thread: one. */
    public static final class Builder {
        private final List<Stage> stages = new ArrayList<>();
        private WatermarkPolicy watermarkPolicy = WatermarkPolicy.LEAST;

        public void watermarkPolicy(WatermarkPolicy policy) {
            watermarkPolicy = policy;
        }

        /** Adds a stage and returns its id. A {@link StageBody.Reading} has no inputs, all others at least one. */
        public int add(String name, List<Input> inputs, StageBody body) {
            int id = stages.size();
            boolean reading = body instanceof StageBody.Reading;
            if (reading != inputs.isEmpty()) {
                throw new IllegalArgumentException(
                        "Cannot add a stage: name=%s, inputs=%d. Give a source none, any other stage at least one."
                                .formatted(name, inputs.size()));
            }
            requireOperatorOfTwoInputs(name, inputs, body);
            requireLateRowsAlone(name, inputs, body);
            for (Input input : inputs) {
                if (input.stageId() < 0 || input.stageId() >= id) {
                    throw new IllegalArgumentException(
                            "Cannot add a stage: name=%s, input stage=%d, stages so far=%d. Add producers first."
                                    .formatted(name, input.stageId(), id));
                }
                if (stages.get(input.stageId()).body() instanceof StageBody.Writing) {
                    throw new IllegalArgumentException(
                            "Cannot add a stage: name=%s reads from sink stage=%d. Read from the sink's input."
                                    .formatted(name, input.stageId()));
                }
            }
            stages.add(new Stage(id, name, List.copyOf(inputs), body));
            return id;
        }

        private static void requireLateRowsAlone(String name, List<Input> inputs, StageBody body) {
            long late = inputs.stream().filter(Input::isLate).count();
            if (late > 0 && (late < inputs.size() || !(body instanceof StageBody.Writing))) {
                throw new IllegalArgumentException(
                        "Cannot add a stage: name=%s, inputs=%d, of late rows=%d. Give late rows to a sink of their own."
                                .formatted(name, inputs.size(), late));
            }
        }

        private static void requireOperatorOfTwoInputs(String name, List<Input> inputs, StageBody body) {
            boolean hasTwo = inputs.stream().anyMatch(input -> input.side() == Side.RIGHT);
            boolean takesTwo = !body.chain().isEmpty() && body.chain().get(0).takesTwoInputs();
            List<Side> sides = inputs.stream().map(Input::side).toList();
            if (hasTwo != takesTwo || !sides.equals(sides.stream().sorted().toList())) {
                throw new IllegalArgumentException(
                        "Cannot add a stage: name=%s, inputs=%s, its first operator takes two=%s. Give a join its left inputs and then its right ones, and anything else left ones only."
                                .formatted(name, sides, takesTwo));
            }
        }

        public StreamGraph build() {
            return new StreamGraph(stages, watermarkPolicy);
        }
    }
}
