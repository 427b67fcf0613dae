package dev.millrace.engine.task;

import dev.millrace.engine.exchange.SourceQueue;
import dev.millrace.engine.source.SourceReader;

/** Drives one reader on its own loop: one row per step, held while the queue is full. */
public final class ReaderStep implements Step {
    private final String name;
    private final SourceReader reader;
    private final SourceQueue queue;
    private boolean rowPending;

    public ReaderStep(String name, SourceReader reader, SourceQueue queue) {
        this.name = name;
        this.reader = reader;
        this.queue = queue;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void open() throws Exception {
        reader.open();
        queue.start(reader.position());
    }

    @Override
    public boolean step() throws Exception {
        if (!rowPending) {
            if (!reader.advance()) {
                return true;
            }
            rowPending = true;
        }
        if (!queue.offer(reader.row(), reader.position())) {
            return false;
        }
        rowPending = false;
        return true;
    }

    @Override
    public void close() throws Exception {
        reader.close();
    }
}
