package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.Snapshots;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.operator.KeyedFunction;
import dev.millrace.engine.page.RowView;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The answer of user code by key: every row once, and each key's count once, when its time is over; until then its
 * count is in the state. Where rows may be late, each at most once.
 */
final class CommittedFunction extends CommittedAnswer {
    private final Map<String, Long> countOfKey = new HashMap<>();
    private final Set<String> rows = new HashSet<>();
    private final Set<String> givenRows = new HashSet<>();
    private final Map<String, Long> givenCounts = new HashMap<>();

    CommittedFunction(SimulatedQuery query, SimulatedCheckpoint checkpoint) {
        super(query, checkpoint);
    }

    @Override
    void addRows(long[] from, long[] to) {
        query.forEachRow(from, to, row -> {
            rows.add(KeyedRows.hex(row));
            countOfKey.merge(KeyedRows.hex(KeyedRows.key(new RowView().pointTo(row, 0, row.length))), 1L, Long::sum);
        });
    }

    @Override
    void takeEpoch(List<byte[]> given) {
        for (byte[] row : given) {
            String text = KeyedRows.hex(row);
            if (rows.contains(text)) {
                assertThat(givenRows.add(text)).as("row %s comes once", text).isTrue();
            } else {
                long count = KeyedRows.value(row, row.length - Long.BYTES);
                assertThat(givenCounts.put(KeyedRows.keyOfResult(row), count))
                        .as("an earlier count of %s", text)
                        .isNull();
            }
        }
    }

    @Override
    void checkRows() {
        if (!query.rowsMayBeLate) {
            assertThat(givenRows).isEqualTo(rows);
            assertThat(countOfKey).containsAllEntriesOf(givenCounts);
        }
    }

    @Override
    void checkRestored() throws Exception {
        Map<String, Long> counts = new HashMap<>(givenCounts);
        for (Snapshots.Put put : restore(new KeyedFunction(SimulatedQuery::counts), new OperatorMetrics())) {
            if (!put.section().isOfTask()) {
                String key = KeyedRows.hex(put.key().toBytes());
                long count = ByteBuffer.wrap(put.value().toBytes()).getLong();
                assertThat(counts.put(key, count)).as("count of %s", key).isNull();
            }
        }
        if (!query.rowsMayBeLate) {
            assertThat(counts).isEqualTo(countOfKey);
        }
    }
}
