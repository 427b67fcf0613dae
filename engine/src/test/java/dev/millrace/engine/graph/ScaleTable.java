package dev.millrace.engine.graph;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Prints what the end of an epoch costs for several numbers of workers, the median of some epochs; {@code
 * bin/simulate --scale} starts it. A thousand workers take a few minutes and six gigabytes.
 */
final class ScaleTable {
    private static final int EPOCHS = 5;

    private ScaleTable() {}

    /** Arguments: {@code [--workers N,N..] [--groups N] [--loops N] [--seed N]}. */
    static void main(String[] arguments) throws Exception {
        String workers = "10,100,1000";
        int groups = 10_000;
        int loops = 1;
        long seed = 1;
        for (int i = 0; i + 1 < arguments.length; i += 2) {
            String value = arguments[i + 1];
            switch (arguments[i]) {
                case "--workers" -> workers = value;
                case "--groups" -> groups = Integer.parseInt(value);
                case "--loops" -> loops = Integer.parseInt(value);
                case "--seed" -> seed = Long.parseLong(value);
                default -> throw new IllegalArgumentException("Unknown: " + arguments[i]);
            }
        }
        ScaleModel model = ScaleModel.DATA_CENTRE;
        System.out.printf("Key groups %d, loops of each worker %d, seed %d, %s%n", groups, loops, seed, model);
        System.out.println(
                "| workers | channels between workers | barrier ms | complete ms | commit ms | to workers | from workers "
                        + "| KB from workers | driver busy % at 1 epoch/s | gather CPU ms | commit CPU ms | purge CPU ms "
                        + "| manifest KB | sections | files named | files written | KB written |");
        System.out.println("|" + "--:|".repeat(17));
        warmUp(model, groups);
        for (String count : workers.split(",", -1)) {
            print(model, Integer.parseInt(count), loops, groups, seed);
        }
    }

    /** What is measured in real time is to be compiled by then. */
    private static void warmUp(ScaleModel model, int groups) throws Exception {
        ScaleRun run = new ScaleRun(model, 50, 1, groups, 0);
        for (int epoch = 0; epoch < 3 * EPOCHS; epoch++) {
            ScaleFigures unused = run.epoch();
        }
        run.close();
    }

    private static void print(ScaleModel model, int workers, int loops, int groups, long seed) throws Exception {
        ScaleRun run = new ScaleRun(model, workers, loops, groups, seed);
        List<ScaleFigures> epochs = new ArrayList<>();
        for (int epoch = 0; epoch < EPOCHS; epoch++) {
            epochs.add(run.epoch());
        }
        ScaleFigures last = epochs.get(EPOCHS - 1);
        long messages = last.commands() + last.reports();
        System.out.printf(
                "| %d | %d | %.1f | %.1f | %.1f | %d | %d | %.1f | %.1f | %.2f | %.2f | %.2f | %.1f | %d | %d | %d | %.1f |%n",
                workers,
                run.farChannels(),
                median(epochs, Comparator.comparing(ScaleFigures::barrierNanos)).barrierNanos() / 1e6,
                median(epochs, Comparator.comparing(ScaleFigures::completeNanos))
                                .completeNanos()
                        / 1e6,
                median(epochs, Comparator.comparing(ScaleFigures::commitNanos)).commitNanos() / 1e6,
                last.commands(),
                last.reports(),
                last.reportBytes() / 1e3,
                messages * model.messageNanos() / 1e7,
                median(epochs, Comparator.comparing(ScaleFigures::gatherCpuNanos))
                                .gatherCpuNanos()
                        / 1e6,
                median(epochs, Comparator.comparing(ScaleFigures::commitCpuNanos))
                                .commitCpuNanos()
                        / 1e6,
                median(epochs, Comparator.comparing(ScaleFigures::purgeCpuNanos))
                                .purgeCpuNanos()
                        / 1e6,
                last.manifestBytes() / 1e3,
                last.sections(),
                last.namedFiles(),
                last.snapshotFiles(),
                last.storedBytes() / 1e3);
        System.out.printf(
                "<!-- %d workers: built in %.1f s of real time, %d frames -->%n",
                workers, run.setUpNanos() / 1e9, run.framesSent());
        run.close();
    }

    private static ScaleFigures median(List<ScaleFigures> epochs, Comparator<ScaleFigures> order) {
        ScaleFigures[] sorted = epochs.toArray(new ScaleFigures[0]);
        Arrays.sort(sorted, order);
        return sorted[sorted.length / 2];
    }
}
