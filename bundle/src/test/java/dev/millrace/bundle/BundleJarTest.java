package dev.millrace.bundle;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;

/** Opens the finished jar; runs after packaging. */
class BundleJarTest {
    private static final Path JAR = Path.of(System.getProperty("bundle.jar", ""));
    private static final String PAGE_FILES = "dev/millrace/spark/ui/";
    private static final String EXTENSIONS = "META-INF/services/org.apache.spark.sql.SparkSessionExtensionsProvider";
    private static final String WRITES = "META-INF/services/dev.millrace.spark.sink.WriteProvider";
    private static final String READS = "META-INF/services/dev.millrace.spark.source.ReadProvider";

    @Test
    void holdsOnlyMillraceClassesAndMetaInf() {
        assertThat(entries(JAR))
                .isNotEmpty()
                .allMatch(name -> name.startsWith("dev/millrace/") || name.startsWith("META-INF/"))
                .noneMatch(name -> name.startsWith("META-INF/versions/") || name.startsWith("META-INF/maven/"));
        assertThat(entries(JAR))
                .filteredOn(name -> !name.startsWith("META-INF/") && !name.startsWith(PAGE_FILES))
                .allMatch(name -> name.endsWith(".class"));
        assertThat(entries(JAR)).contains(PAGE_FILES + "uPlot.LICENSE.txt");
    }

    @Test
    void packsTheEngineAndItsRelocatedThirdPartyCode() {
        assertThat(entries(JAR))
                .contains(
                        "dev/millrace/engine/graph/Dataflow.class",
                        "dev/millrace/shaded/HdrHistogram/Histogram.class",
                        "META-INF/LICENSE",
                        "META-INF/NOTICE");
    }

    @Test
    void packsNoClassOfSpark() {
        Set<String> shipped = new HashSet<>();
        for (Path jar : sparksJars()) {
            shipped.addAll(entries(jar));
        }
        assertThat(shipped).contains("org/apache/spark/sql/SparkSession.class");
        assertThat(entries(JAR)).filteredOn(name -> name.endsWith(".class")).noneMatch(shipped::contains);
    }

    @Test
    void namesTheExtensionForSparksServiceLoader() throws IOException {
        assertThat(providers(EXTENSIONS)).hasSize(1);
    }

    @Test
    void namesTheSinksAndSourcesOfAllModulesForMillracesServiceLoader() throws IOException {
        assertThat(providers(WRITES))
                .contains("dev.millrace.kafka.sink.KafkaWriteProvider", "dev.millrace.spark.sink.v1.V1SinkProvider");
        assertThat(providers(READS)).contains("dev.millrace.kafka.source.KafkaReadProvider");
    }

    @Test
    void saysItsVersionWithoutSpark() throws Exception {
        Process java = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-jar", JAR.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(java.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertThat(java.waitFor()).as(said).isZero();
        assertThat(said).startsWith("Millrace ");
        assertThat(JAR.getFileName().toString()).endsWith("-" + said.substring("Millrace ".length()) + ".jar");
    }

    /** The classes that a service file names, all of which are in the jar. */
    private static List<String> providers(String service) throws IOException {
        assertThat(entries(JAR)).contains(service);
        try (JarFile jar = new JarFile(JAR.toFile());
                InputStream in = jar.getInputStream(jar.getEntry(service))) {
            List<String> providers = new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.isBlank() && !line.startsWith("#"))
                    .toList();
            for (String provider : providers) {
                assertThat(entries(JAR)).contains(provider.replace('.', '/') + ".class");
            }
            return providers;
        }
    }

    @Test
    void tellsNothingOfTheMachineThatBuiltIt() throws IOException {
        List<String> machinePaths = List.of(
                Path.of(System.getProperty("bundle.project", "")).normalize().toString(),
                System.getProperty("user.home", "") + File.separator + ".m2");
        try (JarFile jar = new JarFile(JAR.toFile())) {
            for (ZipEntry entry : jar.stream().toList()) {
                String text = new String(jar.getInputStream(entry).readAllBytes(), StandardCharsets.ISO_8859_1);
                assertThat(machinePaths).as(entry.getName()).noneMatch(text::contains);
            }
        }
    }

    /** The jars of this test's class path that are neither ours nor the test's own tools. */
    private static List<Path> sparksJars() {
        return List.of(System.getProperty("java.class.path").split(File.pathSeparator)).stream()
                .map(Path::of)
                .filter(Files::isRegularFile)
                .filter(path -> !path.getFileName().toString().startsWith("millrace-"))
                .toList();
    }

    private static List<String> entries(Path jar) {
        try (JarFile file = new JarFile(jar.toFile())) {
            return file.stream()
                    .filter(entry -> !entry.isDirectory())
                    .map(ZipEntry::getName)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
