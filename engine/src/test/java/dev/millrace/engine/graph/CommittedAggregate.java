package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.graph.SimulatedQuery.Key;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.Snapshots;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.operator.Emission;
import dev.millrace.engine.operator.KeyedAggregate;
import dev.millrace.engine.page.RowView;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The answer of an aggregation by key: a result per key, each saying at least what the one before did. */
final class CommittedAggregate extends CommittedAnswer {
    /** A result row: the aggregate's answer for a key. */
    private record Result(Key key, List<Long> payload) {}

    private final Map<Key, List<Long>> values = new HashMap<>();
    private final Map<Key, List<Long>> lastRows = new HashMap<>();
    private final Map<Key, List<Long>> lastPayloads = new HashMap<>();
    private long watermarkMicros = Long.MIN_VALUE;

    CommittedAggregate(SimulatedQuery query, SimulatedCheckpoint checkpoint) {
        super(query, checkpoint);
    }

    @Override
    void addRows(long[] from, long[] to) {
        query.addValues(from, to, values);
    }

    @Override
    void takeEpoch(List<byte[]> rows) {
        List<Result> results = rows.stream().map(CommittedAggregate::resultOf).toList();
        if (query.emission == Emission.PER_EPOCH || query.emission == Emission.ALL_PER_EPOCH) {
            assertThat(results).extracting(Result::key).doesNotHaveDuplicates();
        }
        results.forEach(this::take);
    }

    private static Result resultOf(byte[] row) {
        int keySizeBytes = (int) KeyedRows.value(row, 0);
        Key key = SimulatedQuery.keyOf(new RowView().pointTo(row, Long.BYTES, keySizeBytes));
        int payloadOffset = Long.BYTES + keySizeBytes;
        return new Result(key, longs(new RowView().pointTo(row, payloadOffset, row.length - payloadOffset)));
    }

    /** The longs that a payload consists of. */
    private static List<Long> longs(RowView payload) {
        List<Long> longs = new ArrayList<>();
        for (int at = 0; at < payload.sizeBytes(); at += Long.BYTES) {
            longs.add(KeyedRows.value(payload.bytes(), payload.offset() + at));
        }
        return longs;
    }

    @Override
    void checkRows() {
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

    @Override
    void checkRestored() throws Exception {
        Map<Key, List<Long>> restored = new HashMap<>();
        long restoredMicros = Long.MIN_VALUE;
        for (Snapshots.Put entry : restore()) {
            if (entry.section().isOfTask()) {
                restoredMicros = Math.max(restoredMicros, micros(entry.value()));
            } else {
                List<Long> payload = longs(entry.value());
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
        OperatorMetrics metrics = new OperatorMetrics();
        Collection<Snapshots.Put> puts = restore(new KeyedAggregate(query.aggregates(), query.emission), metrics);
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
        return puts;
    }

    private static long micros(RowView watermark) {
        return ByteBuffer.wrap(watermark.toBytes()).getLong();
    }

    private List<Long> sorted(List<Long> payload) {
        return query.ofObjects ? payload.stream().sorted().toList() : payload;
    }
}
