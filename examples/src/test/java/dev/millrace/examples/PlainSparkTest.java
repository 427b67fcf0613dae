package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The promise of Millrace is that there is no new API: the programs must not need one. */
class PlainSparkTest {
    private static final Path SOURCES = Path.of("src/main/java/dev/millrace/examples");

    @ParameterizedTest
    @ValueSource(
            strings = {
                "WordCount.java",
                "CardFeaturesSql.java",
                "CardLogins.java",
                "PriceAlerts.java",
                "VehicleTelemetry.java",
                "ExampleStreams.java",
                "demo/CardQueries.java",
                "demo/CardApplication.java"
            })
    void importsNothingOfMillrace(String program) throws IOException {
        assertThat(Files.readString(SOURCES.resolve(program)))
                .contains("import org.apache.spark.sql.SparkSession;")
                .doesNotContain("import dev.millrace")
                .doesNotContain("import static dev.millrace")
                .doesNotContain("spark.millrace");
    }

    /** What a program sets, spark-submit cannot. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "WordCount.java",
                "CardFeaturesSql.java",
                "CardLogins.java",
                "PriceAlerts.java",
                "VehicleTelemetry.java",
                "demo/CardApplication.java"
            })
    void leavesTheMasterToWhoeverStartsIt(String program) throws IOException {
        assertThat(Files.readString(SOURCES.resolve(program)))
                .contains("SparkSession.builder()")
                .doesNotContain(".master(");
    }
}
