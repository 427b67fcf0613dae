package dev.millrace.connect;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.apache.spark.sql.ForeachWriter;
import org.jspecify.annotations.Nullable;

/** Runs on the server, where it appends each row's text to a file the moment that the row comes. */
final class LineWriter extends ForeachWriter<String> {
    private static final long serialVersionUID = 1L;

    private final String file;

    LineWriter(Path file) {
        this.file = file.toString();
    }

    @Override
    public boolean open(long partition, long epoch) {
        return true;
    }

    @Override
    public void process(String row) {
        append(Path.of(file), row);
    }

    @Override
    public void close(@Nullable Throwable error) {}

    /** Adds a line to a file. Thread: any. */
    static void append(Path file, String line) {
        try {
            Files.write(file, List.of(line), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
