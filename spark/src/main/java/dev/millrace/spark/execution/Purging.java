package dev.millrace.spark.execution;

import dev.millrace.engine.epoch.CommitProtocol;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes the files of old epochs beside the query: many workers leave many files, and no epoch is to wait for them.
 * A deletion that fails is told, and comes again with a later epoch, as does one that a stop cuts short.
 *
 * <p>Thread: the query's; files are deleted on one of its own. Bounds: one purge at a time.
 */
final class Purging implements AutoCloseable {
    /** How long a stop waits for files to be deleted; the next start deletes the others. */
    static final long CLOSE_MILLIS = 2_000;

    private static final Logger LOG = LoggerFactory.getLogger(Purging.class);

    private final ExecutorService thread;
    private final AtomicBoolean isUnderWay = new AtomicBoolean();

    /** @param label what the query is called */
    Purging(String label) {
        thread = Executors.newSingleThreadExecutor(body -> {
            Thread made = new Thread(body, "millrace-purge-" + label);
            made.setDaemon(true);
            return made;
        });
    }

    /** Whether the last purge is still under way, so that none can begin. */
    boolean isUnderWay() {
        return isUnderWay.get();
    }

    /** Begins a purge, unless one is under way. */
    void begin(CommitProtocol.Purge purge) {
        if (isUnderWay.compareAndSet(false, true)) {
            try {
                thread.execute(() -> run(purge));
            } catch (RejectedExecutionException e) {
                isUnderWay.set(false); // the query ends
            }
        }
    }

    private void run(CommitProtocol.Purge purge) {
        try {
            purge.run();
        } catch (Exception e) {
            if (thread.isShutdown()) {
                LOG.debug("A stop cut the deletion of old epochs' files short.", e);
            } else {
                LOG.warn("Files of old epochs could not be deleted; a later epoch tries again.", e);
            }
        } finally {
            isUnderWay.set(false);
        }
    }

    /** Waits a moment for the purge under way; then it ends behind the file that it is about to delete. */
    @Override
    public void close() {
        thread.shutdown();
        try {
            if (!thread.awaitTermination(CLOSE_MILLIS, TimeUnit.MILLISECONDS)) {
                var unused = thread.shutdownNow();
            }
        } catch (InterruptedException e) {
            var unused = thread.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
