package dev.millrace.bench.peers.flink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.ExplainDetail;
import org.apache.flink.table.api.TableEnvironment;
import org.junit.jupiter.api.Test;

/** That Flink's planner takes the statements which docs/migrating.md shows as Flink's. */
final class MigratingPageTest {
    private static final Pattern STATEMENT = Pattern.compile("```flinksql\\n(.*?)\\n```", Pattern.DOTALL);

    private static final List<String> TABLES = List.of(
            """
            CREATE TABLE payments (card STRING, payment STRING, amount DOUBLE, country STRING, paid_at TIMESTAMP(3),
              WATERMARK FOR paid_at AS paid_at - INTERVAL '10' SECOND) WITH ('connector' = 'datagen')""",
            """
            CREATE TABLE logins (card STRING, login STRING, country STRING, login_at TIMESTAMP(3),
              WATERMARK FOR login_at AS login_at - INTERVAL '10' SECOND) WITH ('connector' = 'datagen')""");

    @Test
    void flinkPlansItsStatements() throws Exception {
        List<String> statements = STATEMENT
                .matcher(Files.readString(Path.of("..", "..", "docs", "migrating.md")))
                .results()
                .map(block -> block.group(1))
                .toList();
        TableEnvironment tables = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        TABLES.forEach(tables::executeSql);

        assertThat(statements).isNotEmpty().allSatisfy(statement -> assertThatCode(
                        () -> tables.explainSql(statement, ExplainDetail.CHANGELOG_MODE))
                .as(statement)
                .doesNotThrowAnyException());
    }
}
