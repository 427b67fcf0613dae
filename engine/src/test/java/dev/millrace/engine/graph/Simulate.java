package dev.millrace.engine.graph;

import dev.millrace.engine.harness.Seeds;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Runs simulations for as many seeds as one likes, on all cores, with a progress bar; {@code
 * bin/simulate} starts it. Ends with 1 at the first seed that fails, and says how to replay it.
 */
public final class Simulate {
    private static final Map<String, Seeds.Property> SIMULATIONS =
            new TreeMap<>(Map.of(
                    "durable", DurableSimulation::run, "dataflow", DataflowSimulation::run, "join", JoinSimulation::run));
    private static final int BAR_WIDTH = 40;
    private static final long REDRAW_MILLIS = 500;

    private final String name;
    private final Seeds.Property simulation;
    private final long from;
    private final long count;
    private final AtomicLong next;
    private final AtomicLong done = new AtomicLong();
    private final AtomicReference<@Nullable Failure> failure = new AtomicReference<>();

    private record Failure(long seed, Throwable cause) {}

    private Simulate(String name, Seeds.Property simulation, long from, long count) {
        this.name = name;
        this.simulation = simulation;
        this.from = from;
        this.count = count;
        this.next = new AtomicLong(from);
    }

    /** Arguments: {@code [--seeds N] [--from SEED] [--only durable|dataflow|join]}. */
    public static void main(String[] arguments) throws InterruptedException {
        long seeds = 1_000;
        long from = 0;
        String only = "";
        for (int i = 0; i < arguments.length; i += 2) {
            String value = i + 1 < arguments.length ? arguments[i + 1] : "";
            switch (arguments[i]) {
                case "--seeds" -> seeds = Long.parseLong(value);
                case "--from" -> from = Long.parseLong(value);
                case "--only" -> only = value;
                default -> usage();
            }
        }
        if (!only.isEmpty() && !SIMULATIONS.containsKey(only)) {
            usage();
        }
        for (Map.Entry<String, Seeds.Property> entry : SIMULATIONS.entrySet()) {
            if (only.isEmpty() || only.equals(entry.getKey())) {
                new Simulate(entry.getKey(), entry.getValue(), from, seeds).run();
            }
        }
    }

    private static void usage() {
        System.err.println("Usage: bin/simulate [--seeds N] [--from SEED] [--only durable|dataflow|join]");
        System.exit(2);
    }

    private void run() throws InterruptedException {
        long startNanos = System.nanoTime();
        Thread[] workers = new Thread[Runtime.getRuntime().availableProcessors()];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Thread(this::work, "simulation-" + i);
            workers[i].start();
        }
        for (Thread worker : workers) {
            while (worker.isAlive()) {
                worker.join(REDRAW_MILLIS);
                draw(startNanos);
            }
        }
        System.out.println();
        Failure failed = failure.get();
        if (failed != null) {
            failed.cause().printStackTrace();
            System.out.printf(
                    "%s: seed %d failed. Replay it with: bin/simulate --only %s --from %d --seeds 1%n",
                    name, failed.seed(), name, failed.seed());
            System.exit(1);
        }
    }

    private void work() {
        for (long seed = next.getAndIncrement();
                seed < from + count && failure.get() == null;
                seed = next.getAndIncrement()) {
            try {
                simulation.check(seed);
            } catch (Throwable e) {
                boolean unused = failure.compareAndSet(null, new Failure(seed, e));
            }
            done.incrementAndGet();
        }
    }

    private void draw(long startNanos) {
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
