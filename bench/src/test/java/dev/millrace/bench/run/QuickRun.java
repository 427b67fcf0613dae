package dev.millrace.bench.run;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Runs of measures in tests, with nothing on the screen. */
public final class QuickRun {
    /** With the programs of the build; its other engines are not there. */
    public static final Launcher LAUNCHER = new Launcher(Path.of("target", "launch"), "", 2);

    private QuickRun() {}

    /** Results are in {@code results.jsonl} in the folder, too. */
    public static Results of(Measure measure, Options options, Path folder) throws IOException, InterruptedException {
        PrintStream screen = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
        Path work = Files.createDirectories(folder.resolve("work"));
        return new BenchRun(measure, LAUNCHER, options, screen).run(work, folder.resolve("results.jsonl"));
    }
}
