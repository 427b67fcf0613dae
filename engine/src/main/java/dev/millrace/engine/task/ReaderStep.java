package dev.millrace.engine.task;

import dev.millrace.engine.source.PartitionOutput;
import dev.millrace.engine.source.SourceReader;
import java.util.List;

/** Drives one reader on its own loop: a batch per step. */
public final class ReaderStep implements Step {
    private final String name;
    private final SourceReader reader;
    private final List<PartitionOutput> outputs;

    public ReaderStep(String name, SourceReader reader, List<? extends PartitionOutput> outputs) {
        this.name = name;
        this.reader = reader;
        this.outputs = List.copyOf(outputs);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void open() throws Exception {
        reader.open(outputs);
    }

    @Override
    public boolean step() throws Exception {
        return reader.read();
    }

    @Override
    public void close() throws Exception {
        reader.close();
    }
}
