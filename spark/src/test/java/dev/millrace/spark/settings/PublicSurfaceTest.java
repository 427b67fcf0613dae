package dev.millrace.spark.settings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.spark.checkpoint.MillraceCheckpoint;
import dev.millrace.spark.session.MillraceExtension;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import org.apache.spark.sql.sources.DataSourceRegister;
import org.junit.jupiter.api.Test;

/**
 * That what users hold on to stays: settings with their values and defaults, error classes with their kinds, formats, and the
 * classes that are named on a command line. All else is internal. {@code public-surface.txt} has what is promised. A line
 * is taken out or changed only on purpose, with a line in the changelog; what is new is added with a release.
 */
final class PublicSurfaceTest {
    private static final Path PROMISED = Path.of("src/test/resources/public-surface.txt");

    @Test
    void keepsWhatIsPromised() throws Exception {
        assertThat(surface()).containsAll(Files.readAllLines(PROMISED));
    }

    private static List<String> surface() throws Exception {
        List<String> lines = new ArrayList<>();
        for (Setting<?> setting : MillraceSettings.ALL) {
            lines.add("setting %s: %s, default %s".formatted(setting.key(), setting.type(), setting.defaultText()));
        }
        for (ErrorCode code : ErrorCode.values()) {
            lines.add("error %s: %s".formatted(code.id(), code.kind()));
        }
        for (DataSourceRegister format : ServiceLoader.load(DataSourceRegister.class)) {
            lines.add("format " + format.shortName());
        }
        Constructor<?> extension = MillraceExtension.class.getConstructor();
        lines.add("extension " + extension.getName());
        Method main = MillraceCheckpoint.class.getMethod("main", String[].class);
        lines.add("program " + main.getDeclaringClass().getName());
        return lines;
    }
}
