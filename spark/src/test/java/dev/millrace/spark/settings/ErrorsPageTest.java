package dev.millrace.spark.settings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.error.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** That docs/errors.md tells of each error, and of no other. */
final class ErrorsPageTest {
    private static final Pattern SECTION = Pattern.compile(
            "^## (MILLRACE_\\w+)\\nKind: (\\w+)\\..*?^> ([^>=:.\\d]+)", Pattern.MULTILINE | Pattern.DOTALL);

    private final String page;

    ErrorsPageTest() throws IOException {
        page = Files.readString(Path.of("..", "docs", "errors.md"));
    }

    @Test
    void tellsEachErrorWithItsKindInTheirOrder() {
        assertThat(sections()
                        .map(section -> section.group(1) + " " + section.group(2))
                        .toList())
                .isEqualTo(Arrays.stream(ErrorCode.values())
                        .map(code -> code.id() + " " + code.kind().name().toLowerCase(Locale.ROOT))
                        .toList());
    }

    @Test
    void showsMessagesThatTheCodeHas() throws IOException {
        String code = sources();
        List<String> beginnings =
                sections().map(section -> section.group(3).replace('\n', ' ')).toList();
        assertThat(beginnings).allSatisfy(beginning -> assertThat(code).contains(beginning));
    }

    private Stream<MatchResult> sections() {
        return SECTION.matcher(page).results();
    }

    /** The code of all modules. */
    private static String sources() throws IOException {
        StringBuilder all = new StringBuilder();
        for (String module : List.of("engine", "spark", "kafka")) {
            try (Stream<Path> files = Files.walk(Path.of("..", module, "src", "main", "java"))) {
                for (Path file :
                        files.filter(name -> name.toString().endsWith(".java")).toList()) {
                    all.append(Files.readString(file));
                }
            }
        }
        return all.toString();
    }
}
