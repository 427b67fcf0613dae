package dev.millrace.engine.harness;

import dev.millrace.engine.snapshot.SnapshotStorage;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.IntSupplier;

/**
 * Files in memory. A write may fail after part of the bytes, or after all of them; then nobody sees the file, or only
 * later.
 */
public class MemoryStorage implements SnapshotStorage {
    /** Says that a write is to succeed. */
    public static final int NO_FAULT = -1;

    /** A fault that was asked for. */
    public static final class Fault extends IOException {
        private static final long serialVersionUID = 1L;

        Fault(String name, int sizeBytes) {
            super("Cannot write: file=%s tore after sizeBytes=%d.".formatted(name, sizeBytes));
        }
    }

    /** Told of changes that the query's own thread makes; may throw, before it is done or after. */
    public interface Watcher {
        void before();

        void after();

        /** Between two looks: others may go on. */
        default void between() {}

        /** Whether a write is to fail for its writer and yet to be under way: see {@link MemoryStorage#land}. */
        default boolean isLate() {
            return false;
        }
    }

    /** A watcher that does nothing. */
    public static final Watcher NOBODY = new Watcher() {
        @Override
        public void before() {}

        @Override
        public void after() {}
    };

    private final TreeMap<String, byte[]> files = new TreeMap<>();
    private final TreeMap<String, byte[]> late = new TreeMap<>();
    private final List<String> underWay = new ArrayList<>();
    private final IntSupplier faults;
    private final Watcher watcher;

    public MemoryStorage() {
        this(() -> NO_FAULT, NOBODY);
    }

    /**
     * @param faults for each write, how many of its bytes get through, or {@link #NO_FAULT}
     * @param watcher told when a file is written at once or deleted
     */
    public MemoryStorage(IntSupplier faults, Watcher watcher) {
        this.faults = faults;
        this.watcher = watcher;
    }

    /** The files' bytes by name, to look at and to damage. */
    public Map<String, byte[]> files() {
        return files;
    }

    @Override
    public Output begin(String name) {
        int limit = faults.getAsInt();
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        OutputStream bytes = limit == NO_FAULT ? whole : new TearingOutput(name, limit);
        underWay.add(name);
        return new Output() {
            @Override
            public OutputStream bytes() {
                return bytes;
            }

            @Override
            public void finish() throws IOException {
                if (limit != NO_FAULT) {
                    throw new Fault(name, limit);
                }
                files.put(name, whole.toByteArray());
            }

            @Override
            public void close() {
                underWay.remove(name);
            }
        };
    }

    /** The names of the files that were begun and not closed yet. */
    public Collection<String> underWay() {
        return underWay;
    }

    @Override
    public void write(String name, Body body) throws IOException {
        watcher.before();
        if (watcher.isLate()) {
            ByteArrayOutputStream whole = new ByteArrayOutputStream();
            body.writeTo(whole);
            late.put(name, whole.toByteArray());
            throw new Fault(name, whole.size());
        }
        try (Output output = begin(name)) {
            body.writeTo(output.bytes());
            output.finish();
        }
        watcher.after();
    }

    /** Writes whose writers gave them up, and that may still come about, by name. */
    public NavigableMap<String, byte[]> late() {
        return late;
    }

    /** Lets a write come about that its writer has given up. */
    public void land(String name) {
        files.put(name, Objects.requireNonNull(late.remove(name)));
    }

    private static final class TearingOutput extends OutputStream {
        private final String name;
        private final int limit;
        private int written;

        TearingOutput(String name, int limit) {
            this.name = name;
            this.limit = limit;
        }

        @Override
        public void write(int value) throws IOException {
            if (++written > limit) {
                throw new Fault(name, limit);
            }
        }
    }

    @Override
    public Input open(String name) throws IOException {
        byte[] bytes = files.get(name);
        if (bytes == null) {
            throw new FileNotFoundException(name);
        }
        return new Input() {
            @Override
            public long sizeBytes() {
                return bytes.length;
            }

            @Override
            public void read(long position, byte[] into, int length) throws IOException {
                if (position < 0 || position + length > bytes.length) {
                    throw new EOFException(name);
                }
                System.arraycopy(bytes, (int) position, into, 0, length);
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public List<String> list(String folder) {
        watcher.between();
        String prefix = folder + "/";
        return files.keySet().stream()
                .filter(name -> name.startsWith(prefix))
                .map(name -> name.substring(prefix.length()))
                .toList();
    }

    @Override
    public void delete(String name) {
        watcher.before();
        files.remove(name);
    }
}
