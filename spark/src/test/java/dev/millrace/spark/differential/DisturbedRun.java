package dev.millrace.spark.differential;

import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.batches.BatchesProvider.Batches;
import dev.millrace.spark.batches.PerBatchComparison;
import dev.millrace.spark.batches.PerBatchComparison.Engine;
import dev.millrace.spark.batches.Script;
import dev.millrace.spark.batches.ScriptedProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.apache.spark.network.util.JavaUtils;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;

/** Runs a case in bounded epochs while parts of it fail and it is stopped and started again. Thread: one. */
final class DisturbedRun {
    private final SparkSession session;
    private final Case drawn;
    private final Script script;
    private final List<Integer> phases;
    private final String name = UUID.randomUUID().toString();
    private final Path folder;
    private final Failures failures;
    private final Batches batches;
    private int starts;

    DisturbedRun(SparkSession session, Case drawn, BoundedRun.Cut cut) throws Exception {
        this.session = session;
        this.drawn = drawn;
        this.script = cut.script();
        this.phases = cut.phases();
        this.folder = Files.createTempDirectory("disturbed");
        this.failures = new Failures(folder.toString());
        this.batches = new Batches(failures);
    }

    /** The processes whose tasks wrote the batches. */
    Set<Long> processes() {
        return batches.processes();
    }

    /** What each batch gave, by its number, sorted. */
    Map<Long, List<String>> batches() throws Exception {
        ScriptedProvider.put(name, script, failures);
        try {
            return play();
        } finally {
            ScriptedProvider.remove(name);
            batches.remove();
            JavaUtils.deleteRecursively(folder.toFile());
        }
    }

    private Map<Long, List<String>> play() throws Exception {
        List<Integer> rests = script.rests();
        ScriptedProvider.publish(name, rests.get(0));
        StreamingQuery running = start();
        try {
            running = rest(running);
            for (int i = 1; i < rests.size(); i++) {
                int phase = phases.indexOf(rests.get(i - 1));
                if (phase >= 0 && drawn.between().get(phase) == Case.Event.RESTART) {
                    running.stop();
                    running = start();
                } else if (phase >= 0) {
                    failures.arm(drawn.between().get(phase), (int) drawn.seed() + phase);
                }
                ScriptedProvider.publish(name, rests.get(i));
                running = rest(running);
            }
        } finally {
            running.stop();
        }
        return batches.given();
    }

    /** Lets all be processed that is there, whatever fails on purpose meanwhile; gives the query that does so. */
    private StreamingQuery rest(StreamingQuery first) throws Exception {
        StreamingQuery running = first;
        while (true) {
            try {
                running.processAllAvailable();
                return running;
            } catch (Exception failure) { // which Spark's method does not declare
                if (!Failures.isOnPurpose(failure)) {
                    throw failure;
                }
                running = start();
            }
        }
    }

    private StreamingQuery start() throws Exception {
        // Each time with another number of loops.
        session.conf().set("spark.millrace.loops", Long.toString(1 + (drawn.seed() + starts++) % 3));
        boolean failsAtEnd = drawn.seed() % 2 == 0;
        boolean isToFail = drawn.between().contains(Case.Event.FAILED_TASK);
        PerBatchComparison comparison = BoundedRun.comparison(session, drawn, sources -> {
            List<Dataset<Row>> inputs = isToFail && !failsAtEnd
                    ? sources.stream()
                            .map(source -> source.filter(failures.passing()))
                            .toList()
                    : sources;
            Dataset<Row> rows = drawn.query().top().over(inputs, false);
            return isToFail && failsAtEnd ? rows.filter(failures.passing()) : rows;
        });
        StreamingQuery query = comparison.start(
                Engine.MILLRACE,
                comparison.writer(name, script, batches),
                folder.resolve("checkpoint"),
                Trigger.ProcessingTime(0));
        if (!LocalSpark.isOnMillrace(query)) {
            throw new AssertionError("The query does not run on Millrace.");
        }
        return query;
    }
}
