package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.graph.SimulatedQuery.Key;
import dev.millrace.engine.graph.SimulatedSink.Result;
import dev.millrace.engine.harness.Snapshots;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.operator.KeyedAggregate;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.RestoredState;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.state.MemoryBudget;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Compares what is committed with the model: the sink's rows, and the state that storage alone gives back. */
final class CommittedAnswer {
    private final SimulatedQuery query;
    private final SimulatedCheckpoint checkpoint;
    private final Map<Key, List<Long>> values = new HashMap<>();
    private final Map<Key, List<Long>> lastRows = new HashMap<>();
    private final Map<Key, List<Long>> lastPayloads = new HashMap<>();
    private long[] checkedPositions;
    private long checkedEpoch = -1;
    private long watermarkMicros = Long.MIN_VALUE;

    CommittedAnswer(SimulatedQuery query, SimulatedCheckpoint checkpoint) {
        this.query = query;
        this.checkpoint = checkpoint;
        this.checkedPositions = new long[query.rowsOfPartition.length];
    }

    /** What the sink shows follows from the committed epochs, of which those are looked at that came since. */
    void checkSink() {
        long[] positions = checkpoint.positions();
        query.addValues(checkedPositions, positions, values);
        checkedPositions = positions;
        assertThat(checkpoint.sink.committed().keySet()).allMatch(epoch -> epoch <= checkpoint.lastCommitted());
        checkpoint.sink.committed().tailMap(checkedEpoch, false).values().forEach(this::takeEpoch);
        checkedEpoch = checkpoint.lastCommitted();
        if (!query.rowsMayBeLate) {
            Map<Key, List<Long>> expected = expected();
            if (query.emission == Emission.AT_EXPIRY) {
                expected.keySet().retainAll(lastPayloads.keySet());
            }
            assertThat(lastPayloads).as("sink's last row of each key").isEqualTo(expected);
        }
    }

    private Map<Key, List<Long>> expected() {
        Map<Key, List<Long>> expected = new HashMap<>();
        values.forEach((key, list) -> expected.put(key, query.payload(list)));
        return expected;
    }

    private void takeEpoch(List<Result> results) {
        if (query.emission == Emission.PER_EPOCH || query.emission == Emission.ALL_PER_EPOCH) {
            assertThat(results).extracting(Result::key).doesNotHaveDuplicates();
        }
        results.forEach(this::take);
    }

    /** Each row of a key says at least what the one before did. */
    private void take(Result result) {
        List<Long> after = result.payload();
        List<Long> before = lastRows.put(result.key(), after);
        lastPayloads.put(result.key(), sorted(after));
        if (query.emission == Emission.AT_EXPIRY) {
            assertThat(before).as("an earlier row of %s", result.key()).isNull();
        }
        if (before != null) {
            int size = query.ofObjects ? before.size() : 1;
            boolean grows = query.ofObjects
                    ? after.size() >= size && after.subList(0, size).equals(before)
                    : after.get(0) >= before.get(0);
            assertThat(grows)
                    .as("row of %s: %s comes behind %s", result.key(), after, before)
                    .isTrue();
        }
    }

    /** A fresh process takes the model's state back from storage alone. */
    void checkState() throws Exception {
        if (checkpoint.lastCommitted() < 0) {
            return;
        }
        Map<Key, List<Long>> restored = new HashMap<>();
        long restoredMicros = Long.MIN_VALUE;
        for (Snapshots.Put entry : restore()) {
            if (entry.section().isOfTask()) {
                restoredMicros = Math.max(restoredMicros, micros(entry.value()));
            } else {
                List<Long> payload = SimulatedSink.longs(entry.value());
                assertThat(restored.put(SimulatedQuery.keyOf(entry.key()), sorted(payload)))
                        .isNull();
            }
        }
        if (!query.rowsMayBeLate) {
            assertThat(restoredMicros)
                    .isBetween(watermarkMicros, Math.max(watermarkMicros, query.watermarkAt(checkpoint.positions())));
            watermarkMicros = restoredMicros;
            Map<Key, List<Long>> expected = expected();
            if (query.emission == Emission.AT_EXPIRY) {
                // Not by the watermark: a key is in the state until its row is with the sink.
                expected.keySet().removeAll(lastPayloads.keySet());
            } else {
                expected.keySet().removeIf(key -> key.expiryMicros() <= watermarkMicros);
            }
            assertThat(restored).isEqualTo(expected);
        }
    }

    private Collection<Snapshots.Put> restore() throws Exception {
        MemoryBudget budget = new MemoryBudget(Long.MAX_VALUE);
        OperatorMetrics metrics = new OperatorMetrics();
        List<Section> sections = new ArrayList<>();
        KeyedAggregate aggregate = new KeyedAggregate(query.aggregates(), query.emission);
        aggregate.open(new OperatorContext(0, 1, SimulatedQuery.KEY_GROUPS, budget, metrics, () -> 0, 0));
        new RestoredState(checkpoint.storage, checkpoint.committedState())
                .read(query.aggregate(), keyGroup -> true, sections::add);
        Snapshots.restore(aggregate, sections);
        Collection<Snapshots.Put> puts = Snapshots.puts(sections);
        long watermark = puts.stream()
                .filter(put -> put.section().isOfTask())
                .mapToLong(put -> micros(put.value()))
                .max()
                .orElse(Long.MIN_VALUE);
        if (query.emission != Emission.AT_EXPIRY) {
            puts.removeIf(put -> !put.section().isOfTask() && put.expiryMicros() <= watermark);
        }
        assertThat(metrics.state().rows())
                .isEqualTo(
                        puts.stream().filter(put -> !put.section().isOfTask()).count());
        aggregate.close();
        assertThat(budget.usedBytes()).isZero();
        return puts;
    }

    private static long micros(RowView watermark) {
        return ByteBuffer.wrap(watermark.toBytes()).getLong();
    }

    private List<Long> sorted(List<Long> payload) {
        return query.ofObjects ? payload.stream().sorted().toList() : payload;
    }
}
