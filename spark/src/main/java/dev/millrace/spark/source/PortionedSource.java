package dev.millrace.spark.source;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.source.PlannedSource;
import dev.millrace.engine.source.PortionTarget;
import dev.millrace.engine.source.ReaderFactory;
import dev.millrace.engine.source.SourceReader;
import dev.millrace.spark.thread.DriverScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.ReadLimit;
import org.apache.spark.sql.connector.read.streaming.SupportsAdmissionControl;
import org.apache.spark.sql.connector.read.streaming.SupportsTriggerAvailableNow;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * A stream that is read batch by batch. A batch is a <em>portion</em>: its splits are shared out to a fixed number
 * of readers, as many as there are loops on all workers, and an epoch ends only behind a whole portion. Portions are
 * handed in, by the query or by the source's own poll.
 *
 * <p>Thread: any. Its stream is asked for one thing at a time, because Spark does so from one thread.
 */
public final class PortionedSource extends SparkSource {
    private final PortionedStream portioned;
    private final StructType schema;
    private final long pollNanos;
    private @Nullable SparkSession session;
    private volatile @Nullable HandedPortions portions;
    private int slotCount;

    /** What the last epoch's positions were merged into. */
    private @Nullable Boundary merged;

    private volatile long committedPortion;
    private volatile @Nullable Look lastVainLook;
    private Optional<Offset> latest = Optional.empty();

    /** A look at the stream that found nothing but what was handed in: when it began, and what that was. */
    private record Look(long startNanos, HandedPortions portions, long portion) {}

    /** @param pollNanos how long to wait between two looks for new data; 0 where the query hands portions in */
    PortionedSource(String name, PortionedStream portioned, StructType schema, long pollNanos) {
        super(name, portioned.stream());
        this.portioned = portioned;
        this.schema = schema;
        this.pollNanos = pollNanos;
    }

    @Override
    Optional<Offset> firstOffset() {
        return portioned.firstOffset();
    }

    @Override
    Offset offsetOf(String json) {
        return portioned.deserialize(json);
    }

    @Override
    public synchronized void startFrom(SparkSession newSession, @Nullable String loggedJson) {
        session = newSession;
        super.startFrom(newSession, loggedJson);
    }

    /** The slots that read portions behind the committed offset. */
    @Override
    public synchronized PlannedSource plan(int workerCount, int loopCount) {
        portions = new HandedPortions(new Boundary(0, committed()));
        committedPortion = 0;
        lastVainLook = null;
        slotCount = workerCount * loopCount;
        Portions ofWorker = new Portions(workerCount, loopCount);
        PortionReads own = portioned.own().orElse(null);
        List<ReaderFactory> readers = new ArrayList<>();
        for (int slot = 0; slot < slotCount; slot++) {
            readers.add(new SlotReader.Factory(name(), slot, slotCount, ofWorker, schema, own));
        }
        return PlannedSource.portioned(name(), ofWorker, readers);
    }

    /** What polls the stream for portions behind those of the readers that were planned last; empty where nothing does. */
    public Optional<SourceReader> poller() {
        return pollNanos > 0 ? Optional.of(new PortionPlanner(this, portions(), pollNanos)) : Optional.empty();
    }

    @Override
    public void connect(List<? extends PortionTarget> workers) {
        portions().connect(workers);
    }

    /** Not one at a time with the rest: planning a portion may take long, and this must not wait for it. */
    @Override
    public void portionEnded(long portion, long maxMicros) {
        portions().ended(portion, maxMicros);
    }

    @Override
    public boolean endsEpochs() {
        return true;
    }

    @Override
    public void endEpoch(long epoch) {
        portions().endEpoch(epoch);
    }

    /**
     * How far the next portion may go within the stream's own limit of a batch; what was handed in last when there
     * is nothing new. Empty for a stream without first offset that never had data.
     */
    public Optional<Offset> admit() {
        ReadLimit limit = stream() instanceof SupportsAdmissionControl controlled
                ? controlled.getDefaultReadLimit()
                : ReadLimit.allAvailable();
        return admit(limit);
    }

    /** Lets the stream itself stop at what it holds now; false where it cannot. */
    public synchronized boolean prepareForAvailableNow() {
        if (!(stream() instanceof SupportsTriggerAvailableNow stopping)) {
            return false;
        }
        return asDriver("fix what is available now", () -> {
            stopping.prepareForTriggerAvailableNow();
            return true;
        });
    }

    /** As {@link #admit()}, within a limit that the stream takes. */
    public synchronized Optional<Offset> admit(ReadLimit limit) {
        long startNanos = System.nanoTime();
        Boundary behind = portions().last();
        Optional<Offset> end = asDriver("tell its latest offset", () -> portioned.latestOffset(behind.offset(), limit));
        if (end.isEmpty() || end.equals(behind.offset())) {
            lastVainLook = new Look(startNanos, portions(), behind.portion());
            return behind.offset();
        }
        latest = end;
        return end;
    }

    /**
     * Lets the slots read what lies between the end of what was handed in before and {@code end}. Epochs that are
     * asked for from now on end behind it. Gives whether there was anything.
     */
    public synchronized boolean handIn(Offset end) {
        Boundary behind = portions().last();
        if (behind.offset().equals(Optional.of(end))) {
            return false;
        }
        List<Split> splits = asDriver(
                "plan a batch", () -> portioned.plan(Objects.requireNonNull(session), behind.offset(), end, slotCount));
        portions().add(splits, end);
        return true;
    }

    /** Looks whether there is anything new, and hands it in. */
    synchronized boolean poll() {
        Optional<Offset> end = admit();
        return end.isPresent() && handIn(end.get());
    }

    private <T> T asDriver(String what, Supplier<T> question) {
        return asking(what, () -> DriverScope.run(Objects.requireNonNull(session), question));
    }

    private HandedPortions portions() {
        return Objects.requireNonNull(portions, "readers were not made yet");
    }

    @Override
    public Optional<Offset> merge(List<Object> positions) {
        Long portion = (Long) positions.get(0);
        for (Object position : positions) {
            if (!position.equals(portion)) {
                throw new MillraceException(
                        ErrorCode.INVARIANT,
                        "Cannot end an epoch: source=%s, positions=%s differ. Please report this."
                                .formatted(name(), positions));
            }
        }
        Boundary end = portions().end(portion);
        merged = end;
        return end.offset();
    }

    @Override
    public synchronized void commit(Offset offset) {
        boolean isNew = !committed().equals(Optional.of(offset));
        super.commit(offset);
        Boundary end = merged;
        if (end != null && end.offset().equals(Optional.of(offset))) {
            committedPortion = end.portion();
            portions().committed(end.portion());
        }
        if (isNew) {
            asDriver("take a commit", () -> {
                portioned.commit(offset);
                return offset;
            });
        }
    }

    /** What the stream tells without a look at its data, or else how far the last look went. */
    @Override
    public synchronized Optional<Offset> latest() {
        if (stream() instanceof SupportsAdmissionControl controlled) {
            Optional<Offset> reported =
                    asDriver("tell its latest offset", () -> Optional.ofNullable(controlled.reportLatestOffset()));
            if (reported.isPresent()) {
                return reported;
            }
        }
        return latest;
    }

    /** All is committed once a look that began later has found nothing but what is committed. */
    @Override
    public Target targetNow() {
        long nowNanos = System.nanoTime();
        return new Target() {
            private @Nullable Look all;

            @Override
            public boolean isReached() {
                Look look = lastVainLook;
                if (all != null && all.portions() != portions) {
                    all = null; // They were given up, and are cut anew.
                }
                if (all == null && look != null && look.startNanos() - nowNanos >= 0) {
                    all = look;
                }
                return all != null && committedPortion >= all.portion();
            }
        };
    }

    @Override
    public synchronized Map<String, String> metrics() {
        return super.metrics();
    }
}
