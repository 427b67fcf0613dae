package dev.millrace.engine.epoch;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The manifests of a query's epochs, and the claims and fences of its runs. A run writes only names of its own, each
 * once; what stands under them says who may decide, and of several entries for an epoch the one with the highest ballot
 * counts. So all that is asked of storage is that a listing shows what was written before it began.
 *
 * <p>Layout: {@code manifests/<ballot>-<run>.claim}; {@code manifests/<epoch>.<ballot>-<run>.fence}; {@code
 * manifests/<epoch>.<ballot>-<run>}, a manifest. Before there were claims, {@code <epoch>} and {@code <epoch>.<n>} were
 * either; they are read as if of the ballot {@code n}.
 *
 * <p>Thread: the query's; {@link #purge} any one.
 */
public final class ManifestLog {
    private static final String FOLDER = "manifests";
    private static final String FENCE = ".fence";

    /** After so many files a purge looks whether another run has begun. */
    private static final int DELETED_AT_ONCE = 100;

    private final SnapshotStorage storage;

    /** What a purge knows from the one before. */
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

    /** Says that a run has begun here: no entry of a lower ballot counts. */
    public record Fence(long epoch, String run) implements Entry {}

    /**
     * The place of one entry.
     *
     * @param isFence whether its name says that it is a fence; the fences of before there were claims do not say so
     */
    public record Slot(long epoch, Ballot ballot, boolean isFence) implements Comparable<Slot> {
        private static final Comparator<Slot> ORDER = Comparator.comparingLong(Slot::epoch)
                .thenComparing(Slot::ballot)
                .thenComparing(Slot::isFence, Comparator.reverseOrder());

        /** The place of a run's manifest. */
        public static Slot ofManifest(long epoch, Ballot ballot) {
            return new Slot(epoch, ballot, false);
        }

        /** The place of a run's fence, which its own manifest overrules. */
        public static Slot ofFence(long epoch, Ballot ballot) {
            return new Slot(epoch, ballot, true);
        }

        /** The name of its file. */
        public String fileName() {
            String name = ballot.equals(Ballot.LOWEST) ? Long.toString(epoch) : epoch + "." + ballot.label();
            return FOLDER + "/" + name + (isFence ? FENCE : "");
        }

        static Optional<Slot> of(String name) {
            boolean isFence = name.endsWith(FENCE);
            String place = isFence ? name.substring(0, name.length() - FENCE.length()) : name;
            int dot = place.indexOf('.');
            String epoch = dot < 0 ? place : place.substring(0, dot);
            Optional<Ballot> ballot = dot < 0 ? Optional.of(Ballot.LOWEST) : Ballot.of(place.substring(dot + 1));
            return Ballot.isNumber(epoch)
                    ? ballot.map(found -> new Slot(Long.parseLong(epoch), found, isFence))
                    : Optional.empty();
        }

        @Override
        public int compareTo(Slot other) {
            return ORDER.compare(this, other);
        }
    }

    /**
     * What one listing showed.
     *
     * @param entries all slots that are filled, in their order
     * @param claims all ballots that are claimed
     */
    public record Listing(List<Slot> entries, List<Ballot> claims) {
        /** For every epoch that has any, the slot whose entry counts. */
        public NavigableMap<Long, Slot> slots() {
            NavigableMap<Long, Slot> last = new TreeMap<>();
            entries.forEach(slot -> last.put(slot.epoch(), slot));
            return last;
        }

        /** The highest ballot, claimed or written under: whose claim is not there any more may have left entries. */
        Ballot highest() {
            return ballots().max(Comparator.naturalOrder()).orElse(Ballot.LOWEST);
        }

        /** The highest ballot above one, where another run has any. */
        Optional<Ballot> rivalOf(Ballot ballot) {
            return ballots()
                    .filter(other -> other.compareTo(ballot) > 0 && !other.run().equals(ballot.run()))
                    .max(Comparator.naturalOrder());
        }

        private Stream<Ballot> ballots() {
            return Stream.concat(claims.stream(), entries.stream().map(Slot::ballot));
        }
    }

    /** Looks at what there is: all that was written before this began, and perhaps more. */
    public Listing list() throws IOException {
        List<Slot> entries = new ArrayList<>();
        List<Ballot> claims = new ArrayList<>();
        for (String name : storage.list(FOLDER)) {
            Ballot.ofClaim(name)
                    .ifPresentOrElse(claims::add, () -> Slot.of(name).ifPresent(entries::add));
        }
        entries.sort(Comparator.naturalOrder());
        return new Listing(entries, claims);
    }

    /** For every epoch that has any, the slot whose entry counts. */
    public NavigableMap<Long, Slot> slots() throws IOException {
        return list().slots();
    }

    /** Errors: STATE_CORRUPT when it is not what was written, UNSUPPORTED_CHECKPOINT when its format is newer. */
    public Entry read(Slot slot) throws IOException {
        try (SnapshotStorage.Input input = storage.open(slot.fileName())) {
            byte[] bytes = new byte[Math.toIntExact(input.sizeBytes())];
            input.read(0, bytes, bytes.length);
            return ManifestFormat.read(slot.fileName(), bytes);
        }
    }

    /** Fills a slot. Errors: IOException; then it may be filled all the same, now or later. */
    public void write(Slot slot, Entry entry) throws IOException {
        byte[] bytes = ManifestFormat.write(entry);
        storage.write(slot.fileName(), output -> output.write(bytes));
    }

    /** Claims a ballot. Errors: IOException; then it may be claimed all the same, now or later. */
    public void claim(Ballot ballot) throws IOException {
        byte[] bytes = ballot.label().getBytes(StandardCharsets.UTF_8);
        storage.write(FOLDER + "/" + ballot.claimName(), output -> output.write(bytes));
    }

    /**
     * Deletes what counts no more since a fence stands: lower entries for its epoch, and lower claims.
     *
     * @param fence written, and nobody had claimed a higher ballot thereafter
     * @param listing what showed that
     */
    void dropBelow(Slot fence, Listing listing) throws IOException {
        for (Slot slot : listing.entries()) {
            if (slot.epoch() == fence.epoch() && slot.compareTo(fence) < 0) {
                storage.delete(slot.fileName());
            }
        }
        dropClaims(listing, fence.ballot());
    }

    private void dropClaims(Listing listing, Ballot below) throws IOException {
        for (Ballot claim : listing.claims()) {
            if (claim.compareTo(below) < 0) {
                storage.delete(FOLDER + "/" + claim.claimName());
            }
        }
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
     * other manifest names, so that no manifest is ever left that cannot be restored; and claims below the ballot.
     * Nothing is deleted where another run has claimed a higher one: it may go on from any epoch that it found. Ends early
     * where the thread is interrupted; what is left comes with the next purge.
     *
     * <p>Thread: any, but one purge at a time. The query may go on meanwhile.
     *
     * @param newest the last manifest that is decided
     * @param ballot under which it was
     *
     * <p>Errors: STATE_CORRUPT where an epoch to keep has a manifest that cannot be read, so that nobody knows which
     * files it needs; then nothing is deleted.
     */
    public void purge(Manifest newest, int epochsToKeep, Ballot ballot) throws IOException {
        Listing listing = list();
        if (listing.rivalOf(ballot).isPresent()) {
            return;
        }
        dropClaims(listing, ballot);
        // Where another run has begun meanwhile, its fence stands behind the newest and is no epoch to keep.
        NavigableMap<Long, Slot> slots = listing.slots().headMap(newest.epoch(), true);
        List<Long> epochs = List.copyOf(slots.keySet());
        List<Long> old = epochs.subList(0, Math.max(0, epochs.size() - epochsToKeep));
        if (old.isEmpty()) {
            return;
        }
        Set<String> needed = filesOf(slots.tailMap(epochs.get(old.size() - 1), false));
        needed.addAll(newest.state().allFiles());
        List<String> obsolete = new ArrayList<>();
        for (Slot slot : listing.entries()) {
            if (slot.epoch() <= old.get(old.size() - 1)) {
                obsolete.add(slot.fileName());
            }
        }
        for (String file : storage.list(StoredSnapshot.FOLDER)) {
            String name = StoredSnapshot.FOLDER + "/" + file;
            if (!needed.contains(name) && isUpTo(newest.epoch(), file)) {
                obsolete.add(name);
            }
        }
        delete(obsolete, ballot);
    }

    /** Deletes files one after the other, for as long as no other run has begun, which may go on from what is left. */
    private void delete(List<String> names, Ballot ballot) throws IOException {
        for (int i = 0; i < names.size() && !Thread.currentThread().isInterrupted(); i++) {
            if (i > 0 && i % DELETED_AT_ONCE == 0 && list().rivalOf(ballot).isPresent()) {
                return;
            }
            storage.delete(names.get(i));
        }
    }

    private Set<String> filesOf(NavigableMap<Long, Slot> kept) throws IOException {
        filesOfEpochs.keySet().retainAll(kept.keySet());
        Set<String> files = new HashSet<>();
        for (Map.Entry<Long, Slot> each : kept.entrySet()) {
            Set<String> known = filesOfEpochs.get(each.getKey());
            if (known == null) {
                known = Set.of();
                if (read(each.getValue()) instanceof Manifest manifest) {
                    known = manifest.state().allFiles();
                    filesOfEpochs.put(each.getKey(), known);
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
        return Ballot.isNumber(number) && Long.parseLong(number) <= epoch;
    }
}
