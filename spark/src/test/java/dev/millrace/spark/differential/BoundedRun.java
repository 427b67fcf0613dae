package dev.millrace.spark.differential;

import dev.millrace.spark.batches.PerBatchComparison;
import dev.millrace.spark.batches.PerBatchComparison.Engine;
import dev.millrace.spark.batches.Script;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider;

/**
 * Runs a case in bounded epochs and on Spark's micro-batch engine, with its rows cut into batches at random
 * within its phases, and compares batch by batch.
 *
 * <p>Thread: one, with a session whose settings are its own.
 */
final class BoundedRun {
    private static final String STATE_STORE = "spark.sql.streaming.stateStore.providerClass";

    private BoundedRun() {}

    /** How the answers differ, or nothing where they do not. */
    static String difference(SparkSession session, Case drawn) throws Exception {
        return difference(session, drawn, processes -> {});
    }

    /** The same on so many executors, each of which must have had its part of the query, and the driver none. */
    static String differenceOnWorkers(SparkSession session, Case drawn, int workers) throws Exception {
        session.conf().set("spark.millrace.workers", Integer.toString(workers));
        return difference(session, drawn, processes -> Differential.requireOnWorkers(processes, workers));
    }

    /** @param processes hears which processes Millrace's tasks were in */
    private static String difference(SparkSession session, Case drawn, Consumer<Set<Long>> processes) throws Exception {
        drawn.settings().forEach((key, value) -> session.conf().set(key, value));
        String program = drawn.query().top().toJava(false);
        // One in four has tables that stay the same, and is not planned again.
        if (program.contains("Statics.") && drawn.seed() % 4 < 3) {
            session.conf().set(Statics.REFRESH, Statics.EACH_EPOCH);
        }
        if (program.contains("KeyedSteps.")) {
            // The only one of Spark's that its transformWithState runs on; the other one costs it less time.
            session.conf().set(STATE_STORE, RocksDBStateStoreProvider.class.getName());
        }
        try {
            PerBatchComparison comparison =
                    comparison(session, drawn, sources -> drawn.query().top().over(sources, false));
            Cut cut = cut(drawn);
            Map<Long, List<String>> expected = spark(comparison, cut.script());
            if (drawn.isUndisturbed()) {
                Map<Long, List<String>> actual = comparison.run(Engine.MILLRACE, cut.script());
                processes.accept(comparison.processes());
                return difference(expected, actual);
            }
            // Of an epoch that is committed after a failure no progress tells.
            expected.replaceAll((batch, rows) -> rows.stream()
                    .filter(row -> !row.startsWith(PerBatchComparison.OBSERVED))
                    .toList());
            DisturbedRun disturbed = new DisturbedRun(session, drawn, cut);
            Map<Long, List<String>> actual = disturbed.batches();
            processes.accept(disturbed.processes());
            return difference(expected, actual);
        } finally {
            session.conf().unset(STATE_STORE);
            session.conf().unset(Statics.REFRESH);
        }
    }

    static PerBatchComparison comparison(
            SparkSession session, Case drawn, Function<List<Dataset<Row>>, Dataset<Row>> query) {
        return new PerBatchComparison(session, drawn.query().mode(), query).partitions(1 + (int) (drawn.seed() % 2));
    }

    /**
     * The batches of a case.
     *
     * @param phases how many batches there are before each phase but the first
     */
    record Cut(Script script, List<Integer> phases) {}

    private static Map<Long, List<String>> spark(PerBatchComparison comparison, Script script) throws Exception {
        try {
            return comparison.run(Engine.SPARK, script);
        } catch (Exception failure) {
            if (failure instanceof AnalysisException refusal) {
                throw new RefusedException(refusal);
            }
            throw failure;
        }
    }

    private static Cut cut(Case drawn) {
        Draw draw = new Draw(drawn.seed());
        List<Script.Batch> batches = new ArrayList<>();
        List<int[]> from = drawn.tables().stream()
                .map(table -> new int[table.partitions().size()])
                .toList();
        List<Integer> phases = new ArrayList<>();
        for (List<int[]> phase : drawn.phases()) {
            phases.add(batches.size());
            for (int cuts = draw.below(2); cuts > 0; cuts--) {
                List<int[]> to = between(draw, from, phase);
                batches.add(new Script.Batch(rows(drawn, from, to), draw.onceIn(2)));
                from = to;
            }
            batches.add(new Script.Batch(rows(drawn, from, phase), true));
            from = phase;
        }
        Script script =
                new Script(drawn.tables().stream().map(EventTable::schema).toList(), batches);
        return new Cut(script, phases.subList(1, phases.size()));
    }

    private static List<int[]> between(Draw draw, List<int[]> from, List<int[]> to) {
        List<int[]> between = new ArrayList<>();
        for (int source = 0; source < from.size(); source++) {
            int[] counts = from.get(source).clone();
            for (int i = 0; i < counts.length; i++) {
                counts[i] += draw.below(to.get(source)[i] - counts[i] + 1);
            }
            between.add(counts);
        }
        return between;
    }

    private static List<List<Row>> rows(Case drawn, List<int[]> from, List<int[]> to) {
        List<List<Row>> rows = new ArrayList<>();
        for (int source = 0; source < from.size(); source++) {
            List<Row> ofSource = new ArrayList<>();
            for (int i = 0; i < from.get(source).length; i++) {
                ofSource.addAll(
                        drawn.tables().get(source).partitions().get(i).subList(from.get(source)[i], to.get(source)[i]));
            }
            rows.add(ofSource);
        }
        return rows;
    }

    private static String difference(Map<Long, List<String>> spark, Map<Long, List<String>> millrace) {
        TreeSet<Long> batches = new TreeSet<>(spark.keySet());
        batches.addAll(millrace.keySet());
        StringBuilder text = new StringBuilder();
        for (long batch : batches) {
            List<String> expected = spark.get(batch);
            List<String> actual = millrace.get(batch);
            if (expected == null || actual == null) {
                text.append("Only %s has a batch %d.%n".formatted(actual == null ? "Spark" : "Millrace", batch));
            } else if (!expected.equals(actual)) {
                text.append("Batch %d: ".formatted(batch)).append(Answer.difference(expected, actual));
            }
        }
        return text.toString();
    }
}
