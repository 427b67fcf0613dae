package dev.millrace.examples.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.examples.docs.Page.Block;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The pages of {@code docs/} and the README: that links lead somewhere, and that settings, files and options exist. */
final class DocsTest {
    /** What a block may be; those of the last two kinds are only read by people, and by a test of the bench. */
    private static final Set<String> LANGUAGES = Set.of("java", "sql", "sh", "properties", "text", "flinksql");

    /** Blocks that nothing here can run, as their page tells the reader. */
    private static final List<String> NOT_RUN = List.of(
            "deploy.md: needs a cluster", "deploy.md: needs a YARN cluster", "deploy.md: needs a Kubernetes cluster");

    private static final Pattern SETTING = Pattern.compile("spark\\.millrace\\.[a-zA-Z.]*[a-zA-Z]");
    private static final Pattern DOCUMENTED = Pattern.compile("^\\| `(spark\\.millrace\\.[\\w.]+)`", Pattern.MULTILINE);
    private static final Pattern VERSION = Pattern.compile("millrace-spark-4\\.2_2\\.13-([\\d.]+\\d)");

    @Test
    void indexNamesEveryPage() throws IOException {
        List<String> linked = Page.read(Page.ROOT.resolve("docs/README.md")).links();

        assertThat(Page.docs().stream().map(Page::name).filter(name -> !name.equals("README.md")))
                .allSatisfy(page -> assertThat(linked).contains(page));
    }

    @Test
    void linksLeadSomewhere() throws IOException {
        List<Page> pages = new ArrayList<>(Page.all());
        for (String more : List.of("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")) {
            pages.add(Page.read(Page.ROOT.resolve(more)));
        }
        List<String> dead = new ArrayList<>();
        for (Page page : pages) {
            for (String link : page.links()) {
                if (!isAlive(page, link)) {
                    dead.add(page.name() + ": " + link);
                }
            }
        }
        assertThat(dead).isEmpty();
    }

    private static boolean isAlive(Page page, String link) throws IOException {
        int hash = link.indexOf('#');
        String file = hash < 0 ? link : link.substring(0, hash);
        Path target = file.isEmpty() ? page.file() : page.file().resolveSibling(file);
        return Files.exists(target) && (hash < 0 || Page.read(target).anchors().contains(link.substring(hash + 1)));
    }

    @Test
    void everyBlockSaysWhatItIs() throws IOException {
        for (Page page : Page.all()) {
            for (Block block : page.blocks()) {
                assertThat(LANGUAGES).as(block.toString()).contains(block.language());
            }
        }
    }

    @Test
    void namesBlocksThatNothingRuns() throws IOException {
        List<String> notRun = new ArrayList<>();
        for (Page page : Page.all()) {
            for (Block block : page.blocks()) {
                if (!block.notRun().isEmpty()) {
                    notRun.add(page.name() + ": " + block.notRun());
                }
            }
        }
        assertThat(notRun).isEqualTo(NOT_RUN);
    }

    @Test
    void testsThatRunBlocksExist() throws IOException {
        Set<String> tests = new TreeSet<>();
        for (Page page : Page.all()) {
            page.blocks().stream()
                    .map(Block::runBy)
                    .filter(test -> !test.isEmpty())
                    .forEach(tests::add);
        }
        try (Stream<Path> files =
                Files.find(Page.ROOT, 16, (file, kind) -> file.toString().contains("src/test/java"))) {
            List<String> names =
                    files.map(file -> file.getFileName().toString()).toList();
            assertThat(tests).allSatisfy(test -> assertThat(names).contains(test + ".java"));
        }
    }

    /** {@code settings.md} itself is held to the code by a test of the settings. */
    @Test
    void settingsExist() throws IOException {
        Set<String> known = known();
        for (Page page : Page.all()) {
            assertThat(SETTING.matcher(page.text()).results().map(MatchResult::group))
                    .as(page.name())
                    .allMatch(name -> known.contains(name)
                            || name.startsWith("spark.millrace.late.option")
                            || known.stream().anyMatch(whole -> whole.startsWith(name + ".")));
        }
    }

    @Test
    void commandsExistWithTheirOptions() throws IOException {
        for (Block block : Page.blocks("sh")) {
            for (Command command : Command.of(block.text())) {
                assertThat(command.complaint(known())).as(block + " " + command).isEmpty();
            }
        }
    }

    @Test
    void jarsHaveTheVersionThatIsBuilt() throws IOException {
        String pom = Files.readString(Page.ROOT.resolve("pom.xml"));
        for (Page page : Page.all()) {
            assertThat(VERSION.matcher(page.text()).results().map(version -> version.group(1)))
                    .as(page.name())
                    .allSatisfy(version -> assertThat(pom).contains("<version>" + version + "</version>"));
        }
    }

    private static Set<String> known() throws IOException {
        String page = Page.read(Page.ROOT.resolve("docs/settings.md")).text();
        Set<String> names = new TreeSet<>(List.of("spark.millrace.run"));
        DOCUMENTED.matcher(page).results().forEach(name -> names.add(name.group(1)));
        return names;
    }
}
