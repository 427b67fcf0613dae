package dev.millrace.spark.function;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.spark.sql.Encoders;
import org.junit.jupiter.api.Test;

final class StateBytesTest {
    private static byte[] bytes(StateBytes from, String text) {
        return from.bytes(text).toBytes();
    }

    /** A user's map finds its keys by their bytes. */
    @Test
    void equalStatesHaveEqualBytesWhateverCameBefore() {
        StateBytes used = StateBytes.of(Encoders.STRING());
        byte[] unused = bytes(used, "a text that is longer");

        assertThat(bytes(used, "short")).isEqualTo(bytes(StateBytes.of(Encoders.STRING()), "short"));
        assertThat(unused).isNotEmpty();
    }

    @Test
    void givesStatesBack() {
        StateBytes states = StateBytes.of(Encoders.STRING());

        assertThat(states.object(states.bytes("a state"))).isEqualTo("a state");
        assertThat(states.object(states.bytes(null))).isNull();
    }
}
