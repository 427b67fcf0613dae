package dev.millrace.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class SpillFolderTest {
    @TempDir
    private Path place;

    /** A process that makes a folder, puts a file there, says where, and waits to be killed. */
    public static final class Spilling {
        public static void main(String[] arguments) throws Exception {
            Path path = SpillFolder.in(Path.of(arguments[0])).path();
            Files.writeString(Files.createDirectory(path.resolve("rocksdb")).resolve("1.sst"), "spilled");
            System.out.println(path);
            int unused = System.in.read();
        }
    }

    @Test
    void deletesWhatAKilledProcessLeftAndNothingOfOneThatLives() throws Exception {
        Process dead = spilling();
        Path left = folderOf(dead);
        Process living = spilling();
        Path kept = folderOf(living);
        try {
            dead.destroyForcibly().waitFor();
            assertThat(left).exists();

            try (SpillFolder own = SpillFolder.in(place)) {
                assertThat(left).doesNotExist();
                assertThat(kept.resolve("rocksdb/1.sst")).exists();
                assertThat(own.path()).isEmptyDirectory();
                assertThat(names()).hasSize(4);
            }
            assertThat(names()).hasSize(2);
        } finally {
            dead.destroyForcibly().waitFor();
            living.destroyForcibly().waitFor();
        }
        SpillFolder.in(place).close();
        assertThat(names()).isEmpty();
    }

    private Process spilling() throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Spilling.class.getName(),
                        place.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    private static Path folderOf(Process process) throws IOException {
        BufferedReader output =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        String line = output.readLine();
        assertThat(line).as("what the process says").isNotNull();
        return Path.of(line);
    }

    /** The folders and their locks. */
    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(place)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
