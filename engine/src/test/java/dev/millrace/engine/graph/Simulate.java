package dev.millrace.engine.graph;

import dev.millrace.engine.epoch.CommitSimulation;
import dev.millrace.engine.harness.SeedRun;
import dev.millrace.engine.harness.Seeds;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * Runs simulations for as many seeds as one likes, on all cores, with a progress bar; {@code
 * bin/simulate} starts it. Ends with 1 at the first seed that fails, and says how to replay it.
 */
public final class Simulate {
    private static final Map<String, Seeds.Property> SIMULATIONS = new TreeMap<>(Map.of(
            "commit", CommitSimulation::run,
            "durable", DurableSimulation::run,
            "dataflow", DataflowSimulation::run,
            "join", JoinSimulation::run));

    private Simulate() {}

    /** Arguments: {@code [--seeds N] [--from SEED] [--only commit|durable|dataflow|join]}, or those of {@link ScaleTable}. */
    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0 && arguments[0].equals("--scale")) {
            ScaleTable.main(Arrays.copyOfRange(arguments, 1, arguments.length));
            return;
        }
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
                run(entry.getKey(), entry.getValue(), from, seeds);
            }
        }
    }

    private static void usage() {
        System.err.println(
                "Usage: bin/simulate [--seeds N] [--from SEED] [--only commit|durable|dataflow|join] or --scale [--workers N,N..] "
                        + "[--groups N] [--loops N] [--seed N]");
        System.exit(2);
    }

    private static void run(String name, Seeds.Property simulation, long from, long seeds) throws InterruptedException {
        int threads = Runtime.getRuntime().availableProcessors();
        SeedRun.Failure failed =
                SeedRun.of(name, simulation, from, seeds, threads).withBar().run();
        if (failed != null) {
            failed.cause().printStackTrace();
            System.out.printf(
                    "%s: seed %d failed. Replay it with: bin/simulate --only %s --from %d --seeds 1%n",
                    name, failed.seed(), name, failed.seed());
            System.exit(1);
        }
    }
}
