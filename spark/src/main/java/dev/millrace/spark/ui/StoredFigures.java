package dev.millrace.spark.ui;

import dev.millrace.engine.metrics.StateSize;
import dev.millrace.spark.metrics.DataflowSample;
import dev.millrace.spark.metrics.EpochFigures;
import dev.millrace.spark.metrics.FailureFigures;
import dev.millrace.spark.metrics.QueryFigures;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.apache.spark.util.kvstore.KVStore;
import org.apache.spark.util.kvstore.KVStoreView;
import org.jspecify.annotations.Nullable;

/**
 * What the tab shows of an application that an event log tells of: the list of its runs, and of each its latency and
 * rates over time, epochs, recoveries, state, and the error that ended it.
 *
 * <p>Thread: any.
 */
final class StoredFigures implements ShownFigures {
    private static final int UNKNOWN_STAGE = -1;
    private static final int NO_EPOCH = -1;

    /** Of a run whose end the log does not tell: the application was killed, or runs on. */
    private static final String UNFINISHED = "UNFINISHED";

    private final KVStore store;

    StoredFigures(KVStore store) {
        this.store = store;
    }

    boolean isThereAny() {
        return reading(() -> store.count(StoredRun.class) > 0);
    }

    @Override
    public QueriesView queries() {
        return reading(() -> {
            List<QueriesView.Row> rows = new ArrayList<>();
            for (StoredRun run : newestFirst()) {
                List<StoredProgress> progress = progress(run);
                rows.add(row(run, progress.isEmpty() ? null : progress.get(progress.size() - 1)));
            }
            return new QueriesView(System.currentTimeMillis(), rows);
        });
    }

    private List<StoredRun> newestFirst() throws Exception {
        List<StoredRun> runs = list(store.view(StoredRun.class));
        runs.sort(Comparator.comparingLong(StoredRun::startMillis).reversed());
        return runs;
    }

    private static <T> List<T> list(KVStoreView<T> view) throws Exception {
        List<T> all = new ArrayList<>();
        try (var iterator = view.closeableIterator()) {
            iterator.forEachRemaining(all::add);
        }
        return all;
    }

    private List<StoredProgress> progress(StoredRun run) throws Exception {
        List<StoredProgress> progress = list(store.view(StoredProgress.class)
                .index(StoredProgress.RUN)
                .first(run.runId())
                .last(run.runId()));
        progress.sort(Comparator.comparingLong(StoredProgress::number));
        return progress;
    }

    private static QueriesView.Row row(StoredRun run, @Nullable StoredProgress last) {
        return new QueriesView.Row(
                run.runId(),
                run.id(),
                run.name(),
                state(run),
                run.sink(),
                "",
                0,
                run.startMillis(),
                run.lastMillis(),
                0,
                0,
                0,
                0,
                null,
                last == null ? NO_EPOCH : last.epoch() + (last.isEnd() ? 1 : 0),
                0,
                run.operators().stream().mapToLong(StoredRun.Operator::rows).sum(),
                run.operators().stream()
                        .mapToLong(StoredRun.Operator::memoryBytes)
                        .sum(),
                run.operators().stream().mapToLong(StoredRun.Operator::late).sum(),
                run.recoveries(),
                run.error() == null ? null : firstLine(run.error()));
    }

    private static String state(StoredRun run) {
        if (run.error() != null) {
            return QueryFigures.State.FAILED.name();
        }
        return run.endMillis() > 0 ? QueryFigures.State.STOPPED.name() : UNFINISHED;
    }

    private static String firstLine(String text) {
        return text.lines().findFirst().orElse("");
    }

    @Override
    public @Nullable QueryView query(UUID runId, long since) {
        try {
            return reading(() -> {
                StoredRun run = store.read(StoredRun.class, runId.toString());
                return view(run, progress(run), since);
            });
        } catch (NoSuchElementException e) {
            return null;
        }
    }

    private static QueryView view(StoredRun run, List<StoredProgress> progress, long since) {
        StoredProgress last = progress.isEmpty() ? null : progress.get(progress.size() - 1);
        return new QueryView(
                run.lastMillis(),
                true,
                row(run, last),
                List.of(),
                List.of(),
                Map.of(),
                progress.stream()
                        .filter(one -> one.timeMillis() > since)
                        .map(StoredFigures::point)
                        .toList(),
                epochs(progress),
                progress.stream()
                        .filter(one -> one.recoveryMillis() > 0)
                        .map(one -> new QueryFigures.Recovery(
                                one.timeMillis() - one.durationMillis(), one.recoveryMillis()))
                        .toList(),
                failures(run, last),
                run.operators().stream().map(StoredFigures::operator).toList(),
                List.of(),
                Map.of(),
                "");
    }

    private static QueryFigures.Point point(StoredProgress progress) {
        return new QueryFigures.Point(
                progress.timeMillis(),
                progress.readPerSecond(),
                progress.writtenPerSecond(),
                progress.p50(),
                progress.p99(),
                progress.max());
    }

    /** The newest first. The rows of an epoch are those of all its events. */
    private static List<EpochFigures> epochs(List<StoredProgress> progress) {
        List<EpochFigures> epochs = new ArrayList<>();
        long read = 0;
        long written = 0;
        for (StoredProgress one : progress) {
            read += one.rowsRead();
            written += one.rowsWritten();
            if (one.isEnd()) {
                epochs.add(new EpochFigures(
                        one.epoch(),
                        one.timeMillis(),
                        one.durationMillis(),
                        read,
                        written,
                        one.alignmentMillis(),
                        one.prepareMillis(),
                        one.snapshotMillis(),
                        one.commitMillis(),
                        0,
                        one.watermarkMillis()));
                read = 0;
                written = 0;
            }
        }
        Collections.reverse(epochs);
        return epochs.subList(0, Math.min(epochs.size(), QueryFigures.EPOCHS));
    }

    /** The log tells of the last one alone. */
    private static List<FailureFigures> failures(StoredRun run, @Nullable StoredProgress last) {
        String error = run.error();
        return error == null
                ? List.of()
                : List.of(new FailureFigures(
                        run.lastMillis(),
                        last == null ? NO_EPOCH : last.epoch() + (last.isEnd() ? 1 : 0),
                        "query",
                        "error",
                        firstLine(error),
                        error,
                        "the query ended"));
    }

    private static DataflowSample.StateOperator operator(StoredRun.Operator operator) {
        return new DataflowSample.StateOperator(
                UNKNOWN_STAGE,
                0,
                operator.name(),
                operator.tasks(),
                new StateSize(operator.rows(), operator.memoryBytes(), operator.spilledRows(), operator.spilledBytes()),
                operator.updated(),
                operator.removed(),
                operator.late(),
                operator.duplicates());
    }

    /** The store's interface throws whatever it likes. */
    private static <T> T reading(Callable<T> reading) {
        try {
            return reading.call();
        } catch (Exception e) {
            throw Scala.sneaky(e);
        }
    }
}
