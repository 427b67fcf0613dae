package dev.millrace.engine.epoch;

import dev.millrace.engine.epoch.EpochCommit.Step;
import dev.millrace.engine.epoch.ManifestLog.Fence;
import dev.millrace.engine.epoch.ManifestLog.Slot;
import dev.millrace.engine.epoch.OffsetLog.Standing;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.snapshot.StateIndex;
import java.io.IOException;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Makes epochs durable exactly once, and finds out what holds after anything has failed.
 *
 * <p><b>Commit.</b> The manifest of an epoch is created and never replaced; it is the decision. It holds
 * all that the other steps need: the entry of the offset log, the sink's messages, the state. Then come
 * the offset log, the sink's commit, the commit log ({@link EpochCommit}).
 *
 * <p><b>Recovery</b>, of a new process or in place: {@link #look}, then {@link #settle}, until settled.
 * An epoch that is decided and not committed is committed again, with the same messages under the same
 * number. One that is not decided was never asked of the sink; it runs anew under the same number. One
 * that only the offset log names was planned before it ran, by this engine in bounded epochs ({@link
 * #plan}) or by another, stock Spark, whose sink may have committed it. Who runs bounded epochs runs it as
 * planned. In continuous epochs it is written off as an epoch without rows, and its rows come under the next
 * number, so that a sink that drops numbers that it has seen drops nothing else.
 *
 * <p><b>Fencing.</b> Before a run starts it takes the place where the next decision would go. Whoever
 * held the checkpoint before, dead or not, can decide nothing from then on, so what it has prepared in
 * the sink can be given up. It learns of it at its next decision, or when it recovers. Until then it may
 * plan an epoch, which harms nobody: the plan is then the next run's.
 *
 * <p>Thread: the query's.
 *
 * <p>Errors: FENCED, STATE_CORRUPT, IOException, and what logs and sink throw.
 */
public final class CommitProtocol {
    private final ManifestLog manifests;
    private final OffsetLog offsets;
    private final CommitLog commits;
    private final SinkCommit sink;
    private final String run;

    /** Where this run's next decision goes; null until it has settled once. */
    private @Nullable Slot next;

    /** @param run tells this run of the query from all others */
    public CommitProtocol(ManifestLog manifests, OffsetLog offsets, CommitLog commits, SinkCommit sink, String run) {
        this.manifests = manifests;
        this.offsets = offsets;
        this.commits = commits;
        this.sink = sink;
        this.run = run;
    }

    /**
     * What there is.
     *
     * @param committed the last epoch of the commit log, or -1
     * @param decided the next epoch, where it is decided and to be committed again
     * @param planned the last epoch of the offset log, or -1
     * @param free where the next decision can go
     */
    public record Found(long committed, Optional<Manifest> decided, long planned, Slot free) {
        /** The epoch to go on behind, or -1 for none. */
        public long epoch() {
            return decided.map(Manifest::epoch).orElse(committed);
        }

        /** Whether another engine planned epochs and did not commit them. */
        public boolean hasForeign() {
            return decided.isEmpty() && planned > committed;
        }

        /** Whether all that is planned and not decided is the next epoch. */
        public boolean isNextPlanned() {
            return decided.isEmpty() && planned == committed + 1;
        }
    }

    /** Where a query goes on: what an epoch without rows would leave as it is. */
    @SuppressWarnings("ArrayRecordComponent") // opaque bytes that are only handed on
    public record Ground(byte[] offsets, StateIndex state, long watermarkMillis) {}

    /** What becomes of an epoch that is in the offset log and was never decided. */
    public enum Planned {
        /** It runs as it is planned, under its number: epochs are bounded, and whoever planned it knew its end. */
        RUN,
        /** It is written off as an epoch without rows. */
        WRITE_OFF
    }

    /** Says where the query goes on. */
    @FunctionalInterface
    public interface GroundSupplier {
        Ground ground() throws IOException;
    }

    /**
     * Looks at the checkpoint and changes nothing.
     *
     * @param givesUpDamaged whether a decision that cannot be read is taken for none, because whoever starts the
     *     query has chosen where it goes on; what is lost with it may be in the sink, or not
     */
    public Found look(boolean givesUpDamaged) throws IOException {
        // In the order opposite to that of a commit, so that what another run does meanwhile is never taken for
        // an epoch that was planned and not decided.
        long committed = commits.last();
        long planned = offsets.last();
        NavigableMap<Long, Slot> slots = manifests.slots();
        requireMine(slots);
        long epoch = committed + 1;
        Slot last = slots.get(epoch);
        if (last == null) {
            return new Found(committed, Optional.empty(), planned, new Slot(epoch, 0));
        }
        Optional<Manifest> decided = decision(last, committed, givesUpDamaged);
        if (decided.isPresent() && offsets.standing(epoch, decided.get().offsets()) == Standing.OTHER) {
            decided = Optional.empty();
        }
        return new Found(committed, decided, planned, last.following());
    }

    private Optional<Manifest> decision(Slot slot, long committed, boolean givesUpDamaged) throws IOException {
        try {
            return manifests.read(slot) instanceof Manifest manifest ? Optional.of(manifest) : Optional.empty();
        } catch (MillraceException e) {
            if (e.code() != ErrorCode.STATE_CORRUPT) {
                throw e;
            }
            if (givesUpDamaged) {
                return Optional.empty();
            }
            throw new MillraceException(
                    ErrorCode.STATE_CORRUPT,
                    ("Cannot go on behind epoch=%d: epoch=%d was decided and is not committed, and file=%s, which says how, "
                                    + "is damaged. Put the file back, or %s.")
                            .formatted(committed, slot.epoch(), slot.fileName(), wayOut(committed)),
                    e);
        }
    }

    private static String wayOut(long committed) {
        return committed < 0
                ? "start with a new checkpoint location"
                : ("start once with spark.millrace.restore.epoch=%d, which reads the epoch's rows again: those that its sink "
                                + "has made visible already may then be there twice")
                        .formatted(committed);
    }

    /** Once this run has settled, nobody else may have written where its own decisions go. */
    private void requireMine(NavigableMap<Long, Slot> slots) throws IOException {
        Slot mine = next;
        if (mine == null) {
            return;
        }
        for (Map.Entry<Long, Slot> slot : slots.tailMap(mine.epoch(), true).entrySet()) {
            if (slot.getValue().compareTo(mine) >= 0) {
                requireMine(manifests.read(slot.getValue()));
            }
        }
    }

    private void requireMine(ManifestLog.Entry entry) {
        if (!entry.run().equals(run)) {
            throw new MillraceException(
                    ErrorCode.FENCED,
                    ("Cannot go on: run=%s took the checkpoint over at epoch=%d, this run=%s. Run one query at a time on "
                                    + "a checkpoint location.")
                            .formatted(entry.run(), entry.epoch(), run));
        }
    }

    /**
     * Does the next thing that recovery needs; true when all is settled and {@code found.committed() + 1}
     * can run. After false, look again.
     *
     * @param found what {@link #look} gave
     * @param planned what becomes of the next epoch where it is planned; any behind it are written off
     * @param ground where the query goes on behind {@code found.epoch()}
     */
    public boolean settle(Found found, Planned planned, GroundSupplier ground) throws IOException {
        if (found.decided().isPresent()) {
            finish(new EpochCommit(this, found.decided().get(), Step.LOG_OFFSETS));
            return false;
        }
        if (found.hasForeign() && !(planned == Planned.RUN && found.isNextPlanned())) {
            writeOff(found, ground.ground());
            return false;
        }
        Slot slot = found.free();
        if (!manifests.create(slot, new Fence(slot.epoch(), run)) || hasLater(slot)) {
            return false;
        }
        next = slot.following();
        sink.abortUnfinished(slot.epoch());
        return true;
    }

    private static void finish(EpochCommit commit) throws IOException {
        while (!commit.isDone()) {
            commit.advance();
        }
    }

    /**
     * Decides that all epochs that another engine planned have no rows, the last one first, so that none
     * is forgotten when this is cut short; they are committed as any other decided epoch.
     */
    private void writeOff(Found found, Ground ground) throws IOException {
        if (next != null) {
            throw new MillraceException(
                    ErrorCode.FENCED,
                    ("Cannot go on: another process planned epoch=%d on the same checkpoint. Run one query at a time on "
                                    + "a checkpoint location.")
                            .formatted(found.planned()));
        }
        NavigableMap<Long, Slot> slots = manifests.slots();
        for (long epoch = found.planned(); epoch > found.committed(); epoch--) {
            Slot last = slots.get(epoch);
            Slot slot = last == null ? new Slot(epoch, 0) : last.following();
            if (epoch == found.free().epoch()) {
                slot = found.free(); // whatever was decided there since must not be overruled
            }
            if (!manifests.create(
                    slot, new Manifest(epoch, run, ground.offsets(), null, ground.state(), ground.watermarkMillis()))) {
                return;
            }
        }
        offsets.removeBehind(found.committed());
    }

    /**
     * Plans the next epoch before its rows are read, and gives the plan that stands: where another run, which
     * can decide nothing any more, was faster, it is that one's, and is as good.
     *
     * @param entry the epoch's entry in the offset log
     */
    public byte[] plan(long epoch, byte[] entry) throws IOException {
        requireNext(epoch);
        if (offsets.add(epoch, entry)) {
            return entry;
        }
        return offsets.entry(epoch)
                .orElseThrow(
                        () -> new IOException("Epoch %d could neither be planned nor has it a plan.".formatted(epoch)));
    }

    /** The plan of an epoch, where it has one. */
    public Optional<byte[]> planned(long epoch) throws IOException {
        return offsets.entry(epoch);
    }

    /**
     * Begins the commit of a completed epoch.
     *
     * @param entry its entry in the offset log
     * @param messages what commits it in the sink
     * @param state the state as of its barrier
     * @param watermarkMillis the watermark that the next epoch begins with
     */
    public EpochCommit commit(long epoch, byte[] entry, byte[] messages, StateIndex state, long watermarkMillis) {
        requireNext(epoch);
        return new EpochCommit(this, new Manifest(epoch, run, entry, messages, state, watermarkMillis), Step.DECIDE);
    }

    private void requireNext(long epoch) {
        Slot mine = java.util.Objects.requireNonNull(next, "settled");
        if (mine.epoch() != epoch) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot run epoch=%d: epoch=%d is the next to be decided. Please report this."
                            .formatted(epoch, mine.epoch()));
        }
    }

    void decide(Manifest manifest) throws IOException {
        Slot mine = java.util.Objects.requireNonNull(next, "settled");
        if (!manifests.create(mine, manifest)) {
            requireMine(manifests.read(mine));
            throw new MillraceException(
                    ErrorCode.STATE_STORAGE,
                    "Cannot decide epoch=%d: its manifest was written by an earlier attempt of this run. It is committed as it stands there."
                            .formatted(manifest.epoch()));
        }
        if (hasLater(mine)) {
            requireMine(manifests.slots());
        }
        next = new Slot(manifest.epoch() + 1, 0);
    }

    /**
     * Whether there is anything behind a slot that was just filled. A slot can be free because whoever had
     * filled it went on for so long that it was purged; the newest slots never are.
     */
    private boolean hasLater(Slot slot) throws IOException {
        return manifests.slots().values().stream().anyMatch(other -> other.compareTo(slot) > 0);
    }

    /** The first epoch that this run has not decided. */
    public long firstUndecided() {
        return java.util.Objects.requireNonNull(next, "settled").epoch();
    }

    OffsetLog offsets() {
        return offsets;
    }

    CommitLog commits() {
        return commits;
    }

    SinkCommit sink() {
        return sink;
    }
}
