package dev.millrace.engine.epoch;

import java.io.IOException;

/**
 * The commit of one epoch, step by step. The process may end between any two of them, and within each:
 * what follows the first is done again by whoever finds the manifest.
 *
 * <p>Thread: the query's.
 */
public final class EpochCommit {
    /** What is to be done next. */
    public enum Step {
        /** The manifest is written: if no other run is seen thereafter, the epoch is committed, whatever happens. */
        DECIDE,
        /** The offset log says where the epoch ends; an engine that reads only the logs would run the same rows. */
        LOG_OFFSETS,
        /** The sink makes the epoch's rows visible. */
        COMMIT_SINK,
        /** The commit log says that all is done. */
        LOG_COMMIT,
        DONE
    }

    private final CommitProtocol protocol;
    private final Manifest manifest;
    private Step next;

    EpochCommit(CommitProtocol protocol, Manifest manifest, Step next) {
        this.protocol = protocol;
        this.manifest = manifest;
        this.next = next;
    }

    public Step next() {
        return next;
    }

    public boolean isDone() {
        return next == Step.DONE;
    }

    public Manifest manifest() {
        return manifest;
    }

    /**
     * Does the next step. One that threw may have been done.
     *
     * <p>Errors: FENCED when another process has taken the checkpoint over; IOException; the sink's.
     */
    public void advance() throws IOException {
        switch (next) {
            case DECIDE -> {
                protocol.decide(manifest);
                next = Step.LOG_OFFSETS;
            }
            case LOG_OFFSETS -> {
                protocol.logOffsets(manifest);
                next = manifest.messages() == null ? Step.LOG_COMMIT : Step.COMMIT_SINK;
            }
            case COMMIT_SINK -> {
                protocol.sink().commit(manifest.epoch(), java.util.Objects.requireNonNull(manifest.messages()));
                next = Step.LOG_COMMIT;
            }
            case LOG_COMMIT -> {
                protocol.commits().add(manifest.epoch(), manifest.watermarkMillis());
                next = Step.DONE;
            }
            case DONE -> throw new IllegalStateException("Epoch %d is committed.".formatted(manifest.epoch()));
        }
    }
}
