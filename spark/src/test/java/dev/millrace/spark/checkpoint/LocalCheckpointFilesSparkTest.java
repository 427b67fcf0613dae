package dev.millrace.spark.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.spark.LocalSpark;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.checkpointing.CheckpointFileManager;
import org.apache.spark.sql.execution.streaming.checkpointing.FileContextBasedCheckpointFileManager;
import org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Spark's logs as Millrace writes them on a local disk, read and written on by stock Spark. */
@Timeout(120)
final class LocalCheckpointFilesSparkTest {
    private static SparkSession session;

    @TempDir
    private java.nio.file.Path folder;

    @BeforeAll
    static void start() {
        session = LocalSpark.start();
    }

    @AfterAll
    static void stop() {
        session.stop();
    }

    @Test
    void showsAFileOnceItIsWholeAndToItsFirstWriterOnly() throws Exception {
        CheckpointFileManager files = new LocalCheckpointFiles(root(), new Configuration());
        CheckpointFileManager.CancellableFSDataOutputStream first = files.createAtomic(file("0"), false);
        CheckpointFileManager.CancellableFSDataOutputStream second = files.createAtomic(file("0"), false);
        CheckpointFileManager.CancellableFSDataOutputStream given = files.createAtomic(file("0"), false);
        first.write(bytes("first"));
        second.write(bytes("second"));
        assertThat(files.exists(file("0"))).isFalse();

        given.cancel();
        first.close();
        assertThatThrownBy(second::close).isInstanceOf(FileAlreadyExistsException.class);
        assertThat(text(files, "0")).isEqualTo("first");
        assertThat(names()).containsExactly("0");
    }

    @Test
    void isReadAndReplacedByStockSparksOwnAndReplacesTheirs() throws Exception {
        Configuration configuration = new Configuration();
        List<CheckpointFileManager> all = List.of(
                new LocalCheckpointFiles(root(), configuration),
                new FileContextBasedCheckpointFileManager(root(), configuration),
                new FileSystemBasedCheckpointFileManager(root(), configuration));
        int number = 0;
        for (CheckpointFileManager before : all) {
            for (CheckpointFileManager after : all) {
                for (CheckpointFileManager writer : List.of(before, after)) {
                    try (var stream = writer.createAtomic(file("0"), true)) {
                        stream.write(bytes("text" + ++number));
                    }
                    for (CheckpointFileManager reader : all) {
                        assertThat(text(reader, "0")).isEqualTo("text" + number);
                    }
                }
                after.delete(file("0"));
            }
        }
        assertThat(names()).isEmpty();
    }

    @Test
    void goesFromBoundedEpochsToStockSparkAndBackOnTheSameLogs() throws Exception {
        java.nio.file.Path input = Files.createDirectory(folder.resolve("in"));
        long expected = 0;
        for (String triggers : List.of("all", "realtime", "all", "realtime")) {
            Files.writeString(input.resolve("file" + expected + ".txt"), "row\n");
            expected++;
            run(triggers, input);
            assertThat(session.read().parquet(folder.resolve("out").toString()).count())
                    .as(triggers)
                    .isEqualTo(expected);
        }
        for (String log : List.of("offsets", "commits")) {
            try (var files = Files.list(folder.resolve("checkpoint").resolve(log))) {
                assertThat(files.map(file -> file.getFileName().toString())).contains("0", "1", "2", "3");
            }
        }
    }

    private void run(String triggers, java.nio.file.Path input) throws Exception {
        session.conf().set("spark.millrace.triggers", triggers);
        try {
            StreamingQuery query = start(input, Trigger.AvailableNow());
            assertThat(query.awaitTermination(60_000)).isTrue();
        } finally {
            session.conf().unset("spark.millrace.triggers");
        }
    }

    private StreamingQuery start(java.nio.file.Path input, Trigger trigger) throws Exception {
        return session.readStream()
                .text(input.toString())
                .writeStream()
                .format("parquet")
                .option("path", folder.resolve("out").toString())
                .option("checkpointLocation", folder.resolve("checkpoint").toString())
                .trigger(trigger)
                .start();
    }

    @Test
    void writesAnEntryWithoutAProcessWhereSparkStartsSome() throws Exception {
        Configuration configuration = new Configuration();
        assertThat(processesToWrite(new LocalCheckpointFiles(root(), configuration)))
                .isZero();
        assertThat(processesToWrite(new FileContextBasedCheckpointFileManager(root(), configuration)))
                .isPositive();
    }

    private int processesToWrite(CheckpointFileManager files) throws Exception {
        long self = Thread.currentThread().getId();
        List<RecordedEvent> started = processesOf(() -> {
            try (var stream = files.createAtomic(file("entry"), false)) {
                stream.write(bytes("entry"));
            }
            files.delete(file("entry"));
        });
        return (int) started.stream()
                .filter(event -> event.getThread().getJavaThreadId() == self)
                .count();
    }

    @Test
    void endsAQuerysEpochsWithoutAProcessWhereSparkStartsSome() throws Exception {
        java.nio.file.Path input = Files.createDirectory(folder.resolve("in"));
        Files.writeString(input.resolve("file0.txt"), "row\n");
        assertThat(processesOf(() -> run("all", input))).noneMatch(LocalCheckpointFilesSparkTest::isForALog);
        assertThat(processesOf(() -> runInRealTime(input, 3))).noneMatch(LocalCheckpointFilesSparkTest::isForALog);
        Files.writeString(input.resolve("file1.txt"), "row\n");
        assertThat(processesOf(() -> run("realtime", input)))
                .as("stock Spark, for a batch trigger")
                .anyMatch(LocalCheckpointFilesSparkTest::isForALog);
    }

    private static boolean isForALog(RecordedEvent process) {
        String command = process.getString("command");
        return command.contains("/checkpoint/offsets/") || command.contains("/checkpoint/commits/");
    }

    private void runInRealTime(java.nio.file.Path input, int epochs) throws Exception {
        StreamingQuery query = start(input, Trigger.RealTime("100 milliseconds"));
        try {
            Awaitility.await()
                    .until(() ->
                            query.lastProgress() != null && query.lastProgress().batchId() >= epochs);
        } finally {
            query.stop();
        }
    }

    /** An action that may fail. */
    private interface Action {
        void run() throws Exception;
    }

    private List<RecordedEvent> processesOf(Action action) throws Exception {
        java.nio.file.Path events = Files.createTempFile(folder, "events", ".jfr");
        try (Recording recording = new Recording()) {
            recording.enable("jdk.ProcessStart");
            recording.start();
            action.run();
            recording.stop();
            recording.dump(events);
        }
        return RecordingFile.readAllEvents(events);
    }

    @Test
    void leavesTheClassToTheUserWhoChoseOne() {
        SparkSession own = (SparkSession) session.newSession();
        String setting = "spark.sql.streaming.checkpointFileManagerClass";
        LocalCheckpointFiles.useIn(own.sessionState().conf());
        assertThat(own.conf().get(setting)).isEqualTo(LocalCheckpointFiles.class.getName());
        own.conf().set(setting, FileSystemBasedCheckpointFileManager.class.getName());
        LocalCheckpointFiles.useIn(own.sessionState().conf());
        assertThat(own.conf().get(setting)).isEqualTo(FileSystemBasedCheckpointFileManager.class.getName());
    }

    private Path root() {
        return new Path(folder.resolve("log").toUri());
    }

    private Path file(String name) throws IOException {
        Files.createDirectories(folder.resolve("log"));
        return new Path(root(), name);
    }

    private List<String> names() throws IOException {
        try (var files = Files.list(folder.resolve("log"))) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    private String text(CheckpointFileManager files, String name) throws IOException {
        try (var stream = files.open(file(name))) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
