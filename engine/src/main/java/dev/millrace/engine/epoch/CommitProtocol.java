package dev.millrace.engine.epoch;

import dev.millrace.engine.epoch.EpochCommit.Step;
import dev.millrace.engine.epoch.ManifestLog.Fence;
import dev.millrace.engine.epoch.ManifestLog.Listing;
import dev.millrace.engine.epoch.ManifestLog.Slot;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.snapshot.StateIndex;
import java.io.IOException;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Makes epochs durable exactly once, and finds out what holds after anything has failed.
 *
 * <p><b>Commit.</b> The manifest of an epoch is the decision, once it is written and nobody is seen to have claimed a
 * higher ballot. It holds all that the other steps need: the entry of the offset log, the sink's messages, the state.
 * Then come the offset log, the sink's commit, the commit log ({@link EpochCommit}).
 *
 * <p><b>Recovery</b>, of a new process or in place: {@link #look}, then {@link #settle}, until settled.
 * An epoch that is decided and not committed is decided again under this run's ballot and committed, with the same
 * messages under the same number. One that is not decided was never asked of the sink; it runs anew under the same
 * number. One that only the offset log names was planned before it ran, by this engine in bounded epochs ({@link
 * #plan}) or by another, stock Spark, whose sink may have committed it. Who runs bounded epochs runs it as
 * planned. In continuous epochs it is written off as an epoch without rows, and its rows come under the next
 * number, so that a sink that drops numbers that it has seen drops nothing else.
 *
 * <p><b>Fencing.</b> Each attempt claims a {@link Ballot} above all that it sees. Whoever writes, looks thereafter, and
 * stops where a higher ballot is claimed; so of a manifest of an older run and the claim of a younger one, one sees the
 * other. What the younger has seen it takes over. What it has not seen, its fence for the next epoch makes void, for
 * itself and all that come: of an epoch's entries the one with the highest ballot counts. Only when the fence stands is
 * what older runs have prepared in the sink given up. A run that is fenced may still plan an epoch, which harms nobody:
 * the plan is then the next run's, or is overwritten by what was decided.
 *
 * <p>This asks of storage no more than that a listing shows what was written before. A write that failed may show up at
 * any time later; therefore nothing is written again under the ballot of an attempt that failed.
 *
 * <p>Thread: the query's. Source: Gafni and Lamport, Disk Paxos, 2003; the claim is the first phase for all epochs to
 * come, a manifest the second for its own.
 *
 * <p>Errors: FENCED, STATE_CORRUPT, IOException, and what logs and sink throw.
 */
public final class CommitProtocol {
    private final ManifestLog manifests;
    private final OffsetLog offsets;
    private final CommitLog commits;
    private final SinkCommit sink;
    private final String run;
    private Phase phase = Phase.UNCLAIMED;

    /** The number of the last ballot that this run tried to claim, which may be claimed although that failed. */
    private long triedNumber;

    /** The last ballot that this run has claimed; null before the first. */
    private @Nullable Ballot ballot;

    /** The first epoch that this run has not decided; -1 until it has settled once. */
    private long next = -1;

    /** How far an attempt is. */
    private enum Phase {
        /** It has yet to claim a ballot. */
        UNCLAIMED,
        /** It has claimed one, and finds out where to go on. */
        CLAIMED,
        /** It may decide. */
        SETTLED
    }

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
     * @param decidedUnder the ballot under which it was
     * @param planned the last epoch of the offset log, or -1
     */
    public record Found(long committed, Optional<Manifest> decided, Ballot decidedUnder, long planned) {
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
        Listing listing = manifests.list();
        requireHighest(listing);
        Slot last = listing.slots().get(committed + 1);
        if (last == null) {
            return new Found(committed, Optional.empty(), Ballot.LOWEST, planned);
        }
        Optional<Manifest> decided = decision(last, committed, givesUpDamaged);
        if (decided.isPresent() && isOverruled(decided.get())) {
            decided = Optional.empty();
        }
        return new Found(committed, decided, last.ballot(), planned);
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

    /** Once this run has claimed a ballot, nobody else may have claimed a higher one. */
    private void requireHighest(Listing listing) {
        if (ballot != null) {
            requireHighest(listing, ballot);
        }
    }

    private void requireHighest(Listing listing, Ballot mine) {
        listing.rivalOf(mine).ifPresent(rival -> {
            throw new MillraceException(
                    ErrorCode.FENCED,
                    ("Cannot go on: run=%s took the checkpoint over with ballot=%d, this run=%s has ballot=%d. Run one query "
                                    + "at a time on a checkpoint location.")
                            .formatted(rival.run(), rival.number(), run, mine.number()));
        });
    }

    /** Whether another engine gave the number of a decided epoch, that was never asked of the sink, to other rows. */
    private boolean isOverruled(Manifest manifest) throws IOException {
        Optional<byte[]> logged = offsets.entry(manifest.epoch());
        return logged.isPresent()
                && !Arrays.equals(logged.get(), manifest.offsets())
                && offsets.isOfAnotherEngine(logged.get());
    }

    /**
     * Where a committed epoch's rows end. That is what the offset log says if another engine wrote it, and else the
     * manifest, if it can be read: a run that is fenced may have planned the epoch too late to know, over what stood
     * there.
     */
    public Optional<byte[]> ending(long epoch) throws IOException {
        Optional<byte[]> logged = offsets.entry(epoch);
        if (logged.isPresent() && offsets.isOfAnotherEngine(logged.get())) {
            return logged;
        }
        try {
            return manifests.find(epoch).map(Manifest::offsets).or(() -> logged);
        } catch (MillraceException e) {
            if (e.code() == ErrorCode.STATE_CORRUPT && logged.isPresent()) {
                return logged; // whoever needs the epoch's state is told of the damage
            }
            throw e;
        }
    }

    /** Lets the offset log say of the last committed epoch what counts, for engines that read nothing else. */
    private void mendOffsets(long committed) throws IOException {
        Optional<byte[]> ending = ending(committed);
        if (ending.isPresent()
                && !Arrays.equals(ending.get(), offsets.entry(committed).orElse(null))) {
            offsets.replace(committed, ending.get());
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
        if (phase != Phase.CLAIMED) {
            claim();
            return false; // what was found before may be out of date
        }
        phase = Phase.UNCLAIMED; // until all of this has come about
        boolean isSettled = settle(held(), found, planned, ground);
        phase = isSettled ? Phase.SETTLED : Phase.CLAIMED;
        return isSettled;
    }

    private void claim() throws IOException {
        phase = Phase.UNCLAIMED;
        Listing before = manifests.list();
        requireHighest(before);
        triedNumber = Math.max(triedNumber, before.highest().number()) + 1;
        Ballot claimed = new Ballot(triedNumber, run);
        manifests.claim(claimed);
        requireHighest(manifests.list(), claimed);
        ballot = claimed;
        phase = Phase.CLAIMED;
    }

    private boolean settle(Ballot mine, Found found, Planned planned, GroundSupplier ground) throws IOException {
        if (found.decided().isPresent()) {
            Step first = found.decidedUnder().equals(mine) ? Step.LOG_OFFSETS : Step.DECIDE;
            finish(new EpochCommit(this, found.decided().get(), first));
            return false;
        }
        if (found.hasForeign() && !(planned == Planned.RUN && found.isNextPlanned())) {
            writeOff(mine, found, ground.ground());
            return false;
        }
        mendOffsets(found.committed());
        long epoch = found.committed() + 1;
        Slot fence = Slot.ofFence(epoch, mine);
        Runnable givingUp = sink.unfinished(epoch, mine);
        manifests.write(fence, new Fence(epoch, run));
        Listing listing = manifests.list();
        requireHighest(listing);
        next = epoch;
        givingUp.run();
        manifests.dropBelow(fence, listing);
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
    private void writeOff(Ballot mine, Found found, Ground ground) throws IOException {
        if (next >= 0
                && offsets.entry(found.planned())
                        .filter(offsets::isOfAnotherEngine)
                        .isPresent()) {
            throw plannedByAnother(found.planned());
        }
        for (long epoch = found.planned(); epoch > found.committed(); epoch--) {
            manifests.write(
                    Slot.ofManifest(epoch, mine),
                    new Manifest(epoch, run, ground.offsets(), null, ground.state(), ground.watermarkMillis()));
        }
        requireHighest(manifests.list());
        offsets.removeBehind(found.committed());
    }

    private static MillraceException plannedByAnother(long epoch) {
        return new MillraceException(
                ErrorCode.FENCED,
                ("Cannot go on: epoch=%d was planned by another engine on the same checkpoint. Run one query at a time on "
                                + "a checkpoint location.")
                        .formatted(epoch));
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
        if (phase != Phase.SETTLED || next != epoch) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot run epoch=%d: epoch=%d is the next to be decided, phase=%s. Please report this."
                            .formatted(epoch, next, phase));
        }
    }

    private Ballot held() {
        return Objects.requireNonNull(ballot, "claimed");
    }

    void decide(Manifest manifest) throws IOException {
        manifests.write(Slot.ofManifest(manifest.epoch(), held()), manifest);
        requireHighest(manifests.list());
        next = manifest.epoch() + 1;
    }

    /** Lets the offset log say what was decided. */
    void logOffsets(Manifest manifest) throws IOException {
        long epoch = manifest.epoch();
        if (offsets.add(epoch, manifest.offsets())) {
            return;
        }
        if (isOverruled(manifest)) {
            throw plannedByAnother(epoch);
        }
        if (!Arrays.equals(offsets.entry(epoch).orElse(null), manifest.offsets())) {
            offsets.replace(epoch, manifest.offsets());
        }
    }

    /** Deletes what no epoch to keep needs; see {@link ManifestLog#purge}. */
    public void purge(Manifest newest, int epochsToKeep) throws IOException {
        purging(newest, epochsToKeep).run();
    }

    /** A {@link #purge} that is done later, perhaps while the query goes on. */
    public Purge purging(Manifest newest, int epochsToKeep) {
        Ballot mine = held();
        return () -> manifests.purge(newest, epochsToKeep, mine);
    }

    /** The deletion of what no epoch to keep needs. Thread: any, one at a time. */
    @FunctionalInterface
    public interface Purge {
        /** Errors: as {@link ManifestLog#purge}. */
        void run() throws IOException;
    }

    /** The first epoch that this run has not decided. */
    public long firstUndecided() {
        return next;
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
