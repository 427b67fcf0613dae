package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.operator.OperatorFactory;
import dev.millrace.engine.operator.WatermarkAssignerFactory;
import dev.millrace.engine.task.MergedWatermark;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class WatermarkOriginsTest {
    private static final int NONE = MergedWatermark.NO_WATERMARK;
    private final StreamGraph.Builder builder = StreamGraph.builder();

    @Test
    void tellsSourcesApartAndThoseWithoutAWatermark() {
        int left = source(true);
        int none = source(false);
        int right = source(true);
        int union = stage(left, none, right);

        assertThat(groups(union)[0]).isNotNegative();
        assertThat(groups(union)[1]).isEqualTo(NONE);
        assertThat(groups(union)[2]).isNotNegative().isNotEqualTo(groups(union)[0]);
    }

    @Test
    void seesThatTwoBranchesComeFromOneSource() {
        int source = source(true);
        int branch = stage(source);
        int both = stage(source, branch);

        assertThat(groups(both)).containsExactly(0, 0);
    }

    @Test
    void joinsGroupsThatAThirdInputConnects() {
        int left = source(true);
        int right = source(true);
        int both = stage(left, right);
        int all = stage(left, right, both);

        assertThat(groups(all)).containsExactly(0, 0, 0);
    }

    @Test
    void givesNoGroupWhereNoInputHasAWatermark() {
        assertThat(groups(stage(source(false), source(false)))).containsExactly(NONE, NONE);
    }

    @Test
    void tasksAreInStepThatAllGetTheSameMarks() {
        int source = source(true);
        int behindExchange = stage(new StreamGraph.Input(source, new Exchange.Broadcast()));
        int further = stage(behindExchange);
        int forward = stage(source);
        int mixed = stage(
                new StreamGraph.Input(source, new Exchange.Broadcast()),
                new StreamGraph.Input(forward, new Exchange.Forward()));
        WatermarkOrigins origins = new WatermarkOrigins(builder.build());

        assertThat(List.of(behindExchange, further))
                .allMatch(stage -> origins.areKin(new StreamGraph.Input(stage, new Exchange.Single())));
        assertThat(List.of(source, forward, mixed))
                .noneMatch(stage -> origins.areKin(new StreamGraph.Input(stage, new Exchange.Single())));
    }

    private int source(boolean hasWatermark) {
        List<OperatorFactory> chain = hasWatermark
                ? List.of(new WatermarkAssignerFactory(
                        () -> (bytes, offset, sizeBytes) -> 0, "watermark", 0, Long.MAX_VALUE))
                : List.of();
        return builder.add("source", List.of(), new StageBody.Reading(new NumberSource(1, 1, 1, () -> false), chain));
    }

    private int stage(int... producers) {
        List<StreamGraph.Input> inputs = new ArrayList<>();
        for (int producer : producers) {
            inputs.add(new StreamGraph.Input(producer, new Exchange.Forward()));
        }
        return stage(inputs.toArray(new StreamGraph.Input[0]));
    }

    private int stage(StreamGraph.Input... inputs) {
        return builder.add("stage", List.of(inputs), new StageBody.Operating(List.of()));
    }

    private int[] groups(int stage) {
        StreamGraph graph = builder.build();
        return new WatermarkOrigins(graph).groups(graph.stages().get(stage));
    }
}
