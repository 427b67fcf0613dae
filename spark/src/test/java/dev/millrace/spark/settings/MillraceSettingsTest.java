package dev.millrace.spark.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.error.MillraceException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.sql.internal.SQLConf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class MillraceSettingsTest {
    private final SQLConf conf = new SQLConf();

    @Test
    void hasDefaults() {
        MillraceSettings settings = MillraceSettings.read(conf, "local[1]");

        assertThat(settings.isEnabled()).isTrue();
        assertThat(settings.loopCount()).isEqualTo(1);
        assertThat(settings.everyChange()).isFalse();
        assertThat(settings.watermarkIdleMillis()).isEqualTo(30_000);
        assertThat(settings.stateMemoryBytes()).isEqualTo(Runtime.getRuntime().maxMemory() / 10 * 4);
    }

    @Test
    void areDocumentedWithTheirValuesAndDefaults() throws Exception {
        String page = Files.readString(Path.of("..", "docs", "settings.md"));
        for (Setting<?> setting : MillraceSettings.ALL) {
            assertThat(page)
                    .contains("| `%s` | %s | %s |".formatted(setting.key(), setting.type(), setting.defaultText()));
        }
    }

    @Test
    void readsUnits() {
        conf.setConfString("spark.millrace.state.memory", "64m");
        conf.setConfString("spark.millrace.watermark.idleAfter", "2s");
        conf.setConfString("spark.millrace.loops", "3");
        conf.setConfString("spark.millrace.update.everyChange", "TRUE");
        MillraceSettings settings = MillraceSettings.read(conf, "local");

        assertThat(settings.stateMemoryBytes()).isEqualTo(64L << 20);
        assertThat(settings.watermarkIdleMillis()).isEqualTo(2_000);
        assertThat(settings.loopCount()).isEqualTo(3);
        assertThat(settings.everyChange()).isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        "spark.millrace.enabled, perhaps",
        "spark.millrace.loops, 0",
        "spark.millrace.loops, two",
        "spark.millrace.state.memory, 5k",
        "spark.millrace.state.memory, much",
        "spark.millrace.watermark.idleAfter, 0s",
        "spark.millrace.update.everyChange, 1"
    })
    void namesWhatItCannotUse(String key, String value) {
        conf.setConfString(key, value);

        assertThatThrownBy(() -> MillraceSettings.read(conf, "local[2]"))
                .isInstanceOf(MillraceException.class)
                .hasMessageContaining("MILLRACE_UNSUPPORTED_SETTING")
                .hasMessageContaining(key + "=" + value);
    }

    @ParameterizedTest
    @CsvSource({"local, 1", "local[1], 1", "'local[1,4]', 1", "local[*], 0", "local[4096], 0", "yarn, 0"})
    void hasNoMoreLoopsThanCores(String master, int expected) {
        int machine = Runtime.getRuntime().availableProcessors();

        assertThat(MillraceSettings.read(conf, master).loopCount()).isEqualTo(expected == 0 ? machine : expected);
    }

    @Test
    void documentsEverySetting() {
        assertThat(MillraceSettings.ALL).allSatisfy(setting -> {
            assertThat(setting.key()).startsWith(MillraceSettings.PREFIX);
            assertThat(setting.doc()).isNotBlank();
            assertThat(setting.type()).isNotBlank();
            assertThat(setting.defaultText()).isNotBlank();
        });
    }
}
