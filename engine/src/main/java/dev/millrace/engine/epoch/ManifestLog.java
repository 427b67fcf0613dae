package dev.millrace.engine.epoch;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The manifests of a query's epochs, and the fences of its runs.
 *
 * <p>Layout: {@code manifests/<epoch>} and, where a fence was put there, {@code manifests/<epoch>.1},
 * then {@code .2} and so on. Each is created once and never replaced; the last one of an epoch counts.
 *
 * <p>Thread: the query's.
 */
public final class ManifestLog {
    private static final String FOLDER = "manifests";

    private final SnapshotStorage storage;
    private final Map<Long, Set<String>> filesOfEpochs = new HashMap<>();

    public ManifestLog(SnapshotStorage storage) {
        this.storage = storage;
    }

    /** What can stand in a slot. */
    public sealed interface Entry permits Manifest, Fence {
        long epoch();

        /** The run that wrote it. */
        String run();
    }

    /** Says that a run has begun here, and that no other may decide in this place. */
    public record Fence(long epoch, String run) implements Entry {}

    /** One place for one entry. */
    public record Slot(long epoch, int generation) implements Comparable<Slot> {
        /** The slot of the same epoch that is used once this one is taken. */
        public Slot following() {
            return new Slot(epoch, generation + 1);
        }

        /** The name of its file. */
        public String fileName() {
            return FOLDER + "/" + epoch + (generation == 0 ? "" : "." + generation);
        }

        static Optional<Slot> of(String name) {
            int dot = name.indexOf('.');
            String epoch = dot < 0 ? name : name.substring(0, dot);
            String generation = dot < 0 ? "0" : name.substring(dot + 1);
            return isNumber(epoch) && isNumber(generation)
                    ? Optional.of(new Slot(Long.parseLong(epoch), Integer.parseInt(generation)))
                    : Optional.empty();
        }

        private static boolean isNumber(String text) {
            return !text.isEmpty() && text.chars().allMatch(Character::isDigit);
        }

        @Override
        public int compareTo(Slot other) {
            int byEpoch = Long.compare(epoch, other.epoch);
            return byEpoch != 0 ? byEpoch : Integer.compare(generation, other.generation);
        }
    }

    /** For every epoch that has any, its last slot. */
    public NavigableMap<Long, Slot> slots() throws IOException {
        NavigableMap<Long, Slot> last = new TreeMap<>();
        for (Slot slot : all()) {
            last.merge(slot.epoch(), slot, (one, other) -> one.compareTo(other) > 0 ? one : other);
        }
        return last;
    }

    private List<Slot> all() throws IOException {
        return storage.list(FOLDER).stream()
                .map(Slot::of)
                .flatMap(Optional::stream)
                .sorted()
                .toList();
    }

    /** Errors: STATE_CORRUPT when it is not what was written, UNSUPPORTED_CHECKPOINT when its format is newer. */
    public Entry read(Slot slot) throws IOException {
        try (SnapshotStorage.Input input = storage.open(slot.fileName())) {
            byte[] bytes = new byte[Math.toIntExact(input.sizeBytes())];
            input.read(0, bytes, bytes.length);
            return ManifestFormat.read(slot.fileName(), bytes);
        }
    }

    /** Fills a slot; false, and nothing changed, when it is taken. */
    public boolean create(Slot slot, Entry entry) throws IOException {
        byte[] bytes = ManifestFormat.write(entry);
        return storage.create(slot.fileName(), output -> output.write(bytes));
    }

    /** The manifest of an epoch, where it has one. */
    public Optional<Manifest> find(long epoch) throws IOException {
        Slot last = slots().get(epoch);
        return last != null && read(last) instanceof Manifest manifest ? Optional.of(manifest) : Optional.empty();
    }

    /** The last manifest that can be read. */
    public Optional<Manifest> newestReadable() throws IOException {
        for (long epoch : slots().descendingKeySet()) {
            try {
                Optional<Manifest> found = find(epoch);
                if (found.isPresent()) {
                    return found;
                }
            } catch (MillraceException e) {
                if (e.code() != ErrorCode.STATE_CORRUPT) {
                    throw e;
                }
            }
        }
        return Optional.empty();
    }

    /** The manifest of an epoch whose state is wanted. Errors: UNSUPPORTED_CHECKPOINT when there is none. */
    public Manifest require(long epoch) throws IOException {
        Optional<Manifest> found = find(epoch);
        if (found.isEmpty()) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot restore state: epoch=%d has no manifest, epochs that have=%s. Set spark.millrace.restore.epoch to one of these, or start with a new checkpoint location."
                            .formatted(epoch, slots().keySet()));
        }
        return found.get();
    }

    /**
     * Deletes what is older than the epochs to keep: their manifests first, and then the files that no
     * other manifest names, so that no manifest is ever left that cannot be restored.
     *
     * @param newest the last manifest that is decided
     *
     * <p>Errors: STATE_CORRUPT where an epoch to keep has a manifest that cannot be read, so that nobody knows which
     * files it needs; then nothing is deleted.
     */
    public void purge(Manifest newest, int epochsToKeep) throws IOException {
        List<Long> epochs = List.copyOf(slots().keySet());
        List<Long> old = epochs.subList(0, Math.max(0, epochs.size() - epochsToKeep));
        if (old.isEmpty()) {
            return;
        }
        Set<String> needed = filesOf(epochs.subList(old.size(), epochs.size()));
        needed.addAll(newest.state().allFiles());
        for (Slot slot : all()) {
            if (slot.epoch() <= old.get(old.size() - 1)) {
                storage.delete(slot.fileName());
            }
        }
        for (String file : storage.list(StoredSnapshot.FOLDER)) {
            String name = StoredSnapshot.FOLDER + "/" + file;
            if (!needed.contains(name) && isUpTo(newest.epoch(), file)) {
                storage.delete(name);
            }
        }
    }

    private Set<String> filesOf(List<Long> epochs) throws IOException {
        filesOfEpochs.keySet().retainAll(epochs);
        Set<String> files = new HashSet<>();
        for (long epoch : epochs) {
            Set<String> known = filesOfEpochs.get(epoch);
            if (known == null) {
                Optional<Manifest> manifest = find(epoch);
                known = manifest.map(found -> found.state().allFiles()).orElse(Set.of());
                if (manifest.isPresent()) {
                    filesOfEpochs.put(epoch, known);
                }
            }
            files.addAll(known);
        }
        return files;
    }

    /** Whether a snapshot file is of an epoch up to this one; a later one is about to be named by a manifest. */
    private static boolean isUpTo(long epoch, String file) {
        int dash = file.indexOf('-');
        String number = dash < 0 ? "" : file.substring(0, dash);
        return Slot.isNumber(number) && Long.parseLong(number) <= epoch;
    }
}
