package dev.millrace.engine.snapshot;

import com.github.luben.zstd.ZstdDecompressCtx;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntPredicate;

/**
 * The state of one epoch, to be taken back by the tasks that own it now.
 *
 * <p>Thread: any; each call opens files of its own.
 */
public final class RestoredState {
    private final SnapshotStorage storage;
    private final StateIndex index;

    /** What is in each file, for all tasks that read it. */
    private final Map<String, Map<SectionKey, List<SnapshotFile.Entry>>> indexOfFile = new ConcurrentHashMap<>();

    public RestoredState(SnapshotStorage storage, StateIndex index) {
        this.storage = storage;
        this.index = index;
    }

    /** Takes a section; those of a key come with their base first and then their deltas, in order. */
    @FunctionalInterface
    public interface Reader {
        void section(Section section) throws Exception;
    }

    /**
     * Reads an operator's sections: those of the key groups that {@code owned} says, and what tasks kept
     * for themselves. Errors: STATE_CORRUPT, IOException.
     */
    public void read(OperatorId operator, IntPredicate owned, Reader reader) throws Exception {
        try (OpenFiles files = new OpenFiles()) {
            for (Map.Entry<SectionKey, List<String>> section : index.files().entrySet()) {
                SectionKey key = section.getKey();
                boolean wanted = key.keyGroup() == SectionKey.TASK || owned.test(key.keyGroup());
                if (key.operator().equals(operator) && wanted) {
                    for (String name : section.getValue()) {
                        files.read(name, key, reader);
                    }
                }
            }
        }
    }

    /** The files that one task reads. */
    private final class OpenFiles implements AutoCloseable {
        private final ZstdDecompressCtx zstd = new ZstdDecompressCtx();
        private final Map<String, SnapshotFileReader> open = new HashMap<>();

        void read(String name, SectionKey key, Reader reader) throws Exception {
            SnapshotFileReader file = open.get(name);
            if (file == null) {
                file = new SnapshotFileReader(storage, name, zstd);
                open.put(name, file);
            }
            for (SnapshotFile.Entry entry : indexOf(name, file).getOrDefault(key, List.of())) {
                reader.section(file.section(entry));
            }
        }

        private Map<SectionKey, List<SnapshotFile.Entry>> indexOf(String name, SnapshotFileReader file)
                throws IOException {
            Map<SectionKey, List<SnapshotFile.Entry>> byKey = indexOfFile.get(name);
            if (byKey == null) {
                byKey = new HashMap<>();
                for (SnapshotFile.Entry entry : file.index()) {
                    byKey.computeIfAbsent(entry.key(), key -> new ArrayList<>()).add(entry);
                }
                indexOfFile.put(name, byKey);
            }
            return byKey;
        }

        @Override
        public void close() throws IOException {
            zstd.close();
            for (SnapshotFileReader file : open.values()) {
                file.close();
            }
        }
    }
}
