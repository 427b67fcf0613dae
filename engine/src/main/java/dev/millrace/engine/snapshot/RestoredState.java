package dev.millrace.engine.snapshot;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/**
 * The state of one epoch, to be taken back by the tasks that own it now.
 *
 * <p>Thread: any; each call opens files of its own.
 */
public final class RestoredState {
    private final SnapshotStorage storage;
    private final StateIndex index;

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
        Map<String, OpenFile> open = new HashMap<>();
        try {
            for (Map.Entry<SectionKey, List<String>> section : index.files().entrySet()) {
                SectionKey key = section.getKey();
                boolean wanted = key.keyGroup() == SectionKey.TASK || owned.test(key.keyGroup());
                if (key.operator().equals(operator) && wanted) {
                    for (String name : section.getValue()) {
                        OpenFile file = open.get(name);
                        if (file == null) {
                            file = OpenFile.of(storage, name);
                            open.put(name, file);
                        }
                        file.read(key, reader);
                    }
                }
            }
        } finally {
            for (OpenFile file : new ArrayList<>(open.values())) {
                file.input().close();
            }
        }
    }

    private record OpenFile(String name, SnapshotStorage.Input input, Map<SectionKey, List<SnapshotFile.Entry>> index) {
        static OpenFile of(SnapshotStorage storage, String name) throws IOException {
            SnapshotStorage.Input input = storage.open(name);
            try {
                Map<SectionKey, List<SnapshotFile.Entry>> index = new HashMap<>();
                for (SnapshotFile.Entry entry : SnapshotFile.index(input, name)) {
                    index.computeIfAbsent(entry.key(), key -> new ArrayList<>()).add(entry);
                }
                return new OpenFile(name, input, index);
            } catch (IOException | RuntimeException e) {
                input.close();
                throw e;
            }
        }

        void read(SectionKey key, Reader reader) throws Exception {
            for (SnapshotFile.Entry entry : index.getOrDefault(key, List.of())) {
                reader.section(SnapshotFile.section(input, name, entry));
            }
        }
    }
}
