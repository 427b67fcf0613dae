package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.IntervalJoin;
import dev.millrace.engine.harness.KeyedRows;
import dev.millrace.engine.harness.Snapshots;
import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.operator.JoinType;
import dev.millrace.engine.operator.StreamJoin;
import dev.millrace.engine.page.Side;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The answer of a join: every match of two committed rows once, and a row without one at most once, and only if none
 * will ever come; until then it is in the state.
 */
final class CommittedJoin extends CommittedAnswer {
    private final IntervalJoin join;
    private final Map<Side, Map<Long, List<byte[]>>> rowsByKey = new EnumMap<>(Side.class);
    private final Map<Side, Map<Long, List<byte[]>>> allRowsByKey = new EnumMap<>(Side.class);
    private final Set<String> matches = new HashSet<>();
    private final Set<String> givenMatches = new HashSet<>();
    private final Map<Side, Set<String>> givenUnmatched = new EnumMap<>(Side.class);

    CommittedJoin(SimulatedQuery query, SimulatedCheckpoint checkpoint) {
        super(query, checkpoint);
        join = new IntervalJoin(query.interval);
        for (Side side : Side.values()) {
            rowsByKey.put(side, new HashMap<>());
            allRowsByKey.put(side, new HashMap<>());
            givenUnmatched.put(side, new HashSet<>());
        }
        query.forEachRow(new long[query.rowsOfPartition.length], query.rowsOfPartition, row -> add(allRowsByKey, row));
    }

    private void add(Map<Side, Map<Long, List<byte[]>>> to, byte[] row) {
        to.get(query.sideOf(row))
                .computeIfAbsent(IntervalJoin.key(row), made -> new ArrayList<>())
                .add(row);
    }

    @Override
    void addRows(long[] from, long[] to) {
        query.forEachRow(from, to, row -> {
            Side side = query.sideOf(row);
            for (byte[] other : ofKey(rowsByKey, side.other(), row)) {
                if (isMatch(side, row, other)) {
                    matches.add(match(side == Side.LEFT ? row : other, side == Side.LEFT ? other : row));
                }
            }
            add(rowsByKey, row);
        });
    }

    private String match(byte[] left, byte[] right) {
        return KeyedRows.hex(query.joinType == JoinType.LEFT_SEMI ? left : IntervalJoin.result(left, right));
    }

    private boolean isMatch(Side side, byte[] row, byte[] other) {
        return side == Side.LEFT ? join.isMatch(row, other) : join.isMatch(other, row);
    }

    private static List<byte[]> ofKey(Map<Side, Map<Long, List<byte[]>>> rows, Side side, byte[] row) {
        return rows.get(side).getOrDefault(IntervalJoin.key(row), List.of());
    }

    @Override
    void takeEpoch(List<byte[]> given) {
        for (byte[] row : given) {
            if (query.joinType == JoinType.LEFT_SEMI) {
                assertThat(givenMatches.add(KeyedRows.hex(row))).as("once").isTrue();
                continue;
            }
            int end = row.length - Integer.BYTES;
            int leftBytes = ByteBuffer.wrap(row).order(ByteOrder.nativeOrder()).getInt(end);
            if (leftBytes == 0 || leftBytes == end) {
                takeUnmatched(leftBytes == 0 ? Side.RIGHT : Side.LEFT, Arrays.copyOf(row, end));
            } else {
                assertThat(givenMatches.add(KeyedRows.hex(row))).as("once").isTrue();
            }
        }
    }

    private void takeUnmatched(Side side, byte[] row) {
        assertThat(query.joinType.keepsUnmatched(side)).isTrue();
        assertThat(willMatch(side, row)).as("a row without a match has one").isFalse();
        assertThat(givenUnmatched.get(side).add(KeyedRows.hex(row))).as("once").isTrue();
    }

    private boolean willMatch(Side side, byte[] row) {
        return ofKey(allRowsByKey, side.other(), row).stream().anyMatch(other -> isMatch(side, row, other));
    }

    @Override
    void checkRows() {
        assertThat(givenMatches).isEqualTo(matches);
    }

    /** Each row that nothing matches is with the sink, or still in the state where a match could come. */
    @Override
    void checkRestored() throws Exception {
        StreamJoin operator = new StreamJoin(task -> join, query.joinType, 0);
        Map<Side, Set<String>> known = new EnumMap<>(Side.class);
        givenUnmatched.forEach((side, rows) -> known.put(side, new HashSet<>(rows)));
        for (Snapshots.Put put : restore(operator, new OperatorMetrics())) {
            if (!put.section().isOfTask()) {
                Side side = Side.values()[put.section().stateIndex()];
                byte[] value = put.value().toBytes();
                byte[] row = query.joinType.keepsUnmatched(side) ? Arrays.copyOf(value, value.length - 1) : value;
                assertThat(ofKey(rowsByKey, side, row))
                        .as("committed rows of the key")
                        .anyMatch(committed -> Arrays.equals(committed, row));
                assertThat(known.get(side).add(KeyedRows.hex(row))).as("once").isTrue();
            }
        }
        for (Side side : Side.values()) {
            if (query.joinType.keepsUnmatched(side)) {
                rowsByKey.get(side).values().forEach(rows -> rows.stream()
                        .filter(row -> !willMatch(side, row))
                        .forEach(row -> assertThat(known.get(side)).contains(KeyedRows.hex(row))));
            }
        }
    }
}
