package dev.millrace.engine.harness;

import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Checks a property for a range of seeds on several threads, up to the first one that fails, with a
 * progress bar where there is somebody to see it. Thread: one.
 */
public final class SeedRun {
    private static final int BAR_WIDTH = 40;
    private static final long REDRAW_MILLIS = 500;

    private final String name;
    private final Seeds.Property property;
    private final long from;
    private final long count;
    private final int threads;
    private final AtomicLong next;
    private final AtomicLong done = new AtomicLong();
    private final AtomicReference<@Nullable Failure> failure = new AtomicReference<>();
    private boolean hasBar;

    /** A seed that failed, and how. */
    public record Failure(long seed, Throwable cause) {}

    private SeedRun(String name, Seeds.Property property, long from, long count, int threads) {
        this.name = name;
        this.property = property;
        this.from = from;
        this.count = count;
        this.threads = threads;
        this.next = new AtomicLong(from);
    }

    /** A run of {@code count} seeds from {@code from} on. */
    public static SeedRun of(String name, Seeds.Property property, long from, long count, int threads) {
        return new SeedRun(name, property, from, count, threads);
    }

    /** Draws how far it is. */
    public SeedRun withBar() {
        hasBar = true;
        return this;
    }

    /** Runs, and gives the first failure, or null. */
    public @Nullable Failure run() throws InterruptedException {
        long startNanos = System.nanoTime();
        Thread[] workers = new Thread[threads];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Thread(this::work, "seeds-" + i);
            workers[i].start();
        }
        for (Thread worker : workers) {
            while (worker.isAlive()) {
                worker.join(REDRAW_MILLIS);
                draw(startNanos);
            }
        }
        if (hasBar) {
            System.out.println();
        }
        return failure.get();
    }

    private void work() {
        for (long seed = next.getAndIncrement();
                seed < from + count && failure.get() == null;
                seed = next.getAndIncrement()) {
            try {
                property.check(seed);
            } catch (Throwable e) {
                boolean unused = failure.compareAndSet(null, new Failure(seed, e));
            }
            done.incrementAndGet();
        }
    }

    private void draw(long startNanos) {
        if (!hasBar) {
            return;
        }
        int filled = (int) (BAR_WIDTH * done.get() / Math.max(1, count));
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        System.out.printf(
                Locale.ROOT,
                "\r%-8s [%s%s] %d/%d seeds, %.0f s",
                name,
                "#".repeat(filled),
                ".".repeat(BAR_WIDTH - filled),
                done.get(),
                count,
                seconds);
        System.out.flush();
    }
}
