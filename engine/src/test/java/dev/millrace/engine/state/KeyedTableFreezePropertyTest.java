package dev.millrace.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.page.RowView;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * What is frozen of a state against a HashMap as it was at the barrier, whatever changes, comes, goes,
 * expires or moves between slices; and the entries of several epochs, one over the other, against the
 * state as it was at the last barrier.
 */
class KeyedTableFreezePropertyTest {
    private static final int SEEDS = 150;
    private static final int EPOCHS = 12;
    private static final int KEY_GROUPS = 3;
    private static final int VALUE_BYTES = 8;

    /** What is known of a key. */
    private record Known(long value, long expiryMicros) {}

    @Test
    void writesTheStateAsOfTheBarrierWhereValuesAreBytes() {
        Seeds.forEach(SEEDS, seed -> new Run(seed, false).toEnd());
    }

    @Test
    void writesTheStateAsOfTheBarrierWhereValuesAreObjects() {
        Seeds.forEach(SEEDS, seed -> new Run(seed, true).toEnd());
    }

    private static final class Run {
        private final Random random;
        private final boolean ofObjects;
        private final MemoryBudget budget = new MemoryBudget(Long.MAX_VALUE);
        private final KeyedState state;
        private final Map<ByteBuffer, Known> model = new HashMap<>();
        private final int keyRange;
        private final int keyFill;
        private final int changesPerEpoch;
        private final int expiryRange;
        private long watermarkMicros;

        /** What all snapshots so far give back, and what the one under way has written, by key group. */
        private final Map<Integer, Map<ByteBuffer, Known>> stored = new HashMap<>();

        private final Map<Integer, Map<ByteBuffer, Known>> written = new HashMap<>();
        private final Map<Integer, Boolean> kinds = new HashMap<>();
        private Map<ByteBuffer, Known> atBarrier = Map.of();
        private long watermarkAtBarrier;
        private boolean writing;

        Run(long seed, boolean ofObjects) {
            this.random = new Random(seed);
            this.ofObjects = ofObjects;
            this.state = ofObjects
                    ? KeyedState.ofObjects(KEY_GROUPS, budget)
                    : KeyedState.ofBytes(KEY_GROUPS, VALUE_BYTES, budget);
            this.keyRange = 1 << random.nextInt(10);
            this.keyFill = random.nextInt(3) == 0 ? 3_000 : 20;
            this.changesPerEpoch = 1 << random.nextInt(11);
            this.expiryRange = 1 << random.nextInt(10);
        }

        void toEnd() {
            for (int epoch = 0; epoch < EPOCHS; epoch++) {
                freeze();
                for (int i = 0; i < changesPerEpoch; i++) {
                    changeAnything();
                    if (random.nextInt(8) == 0) {
                        writeSlice(random.nextInt(500));
                    }
                }
                // A barrier comes mostly behind the last slice, and else writes what is left itself.
                if (random.nextInt(3) != 0) {
                    finish();
                }
            }
            freeze();
            finish();
            state.close();
            assertThat(budget.usedBytes()).isZero();
        }

        private void freeze() {
            Map<ByteBuffer, Known> now = new HashMap<>(model);
            state.freeze(this::write);
            if (writing) {
                checkSnapshot();
            }
            // Until here it was the earlier snapshot that was written.
            written.clear();
            kinds.clear();
            atBarrier = now;
            watermarkAtBarrier = watermarkMicros;
            writing = true;
        }

        private void finish() {
            while (writing) {
                writeSlice(1 + random.nextInt(2_000));
            }
        }

        private void writeSlice(int sizeBytes) {
            if (state.writeFrozen(sizeBytes) && writing) {
                checkSnapshot();
                writing = false;
            }
        }

        private int write(int keyGroup, boolean base, KeyedTable table, int entry) {
            ByteBuffer key = ByteBuffer.wrap(table.key(entry, new RowView()).toBytes());
            Known known = new Known(read(table, entry), table.expiryMicros(entry));
            Known before =
                    written.computeIfAbsent(keyGroup, made -> new HashMap<>()).put(key, known);
            assertThat(before).as("an entry that is written twice").isNull();
            assertThat(kinds.getOrDefault(keyGroup, base)).isEqualTo(base);
            kinds.put(keyGroup, base);
            return key.remaining() + VALUE_BYTES;
        }

        /** What is read back is the state at the barrier, but for what the watermark then removes. */
        private void checkSnapshot() {
            written.forEach((keyGroup, entries) -> {
                if (kinds.get(keyGroup)) {
                    stored.put(keyGroup, new HashMap<>());
                }
                stored.computeIfAbsent(keyGroup, made -> new HashMap<>()).putAll(entries);
            });
            Map<ByteBuffer, Known> restored = new HashMap<>();
            stored.values().forEach(restored::putAll);
            restored.values()
                    .removeIf(known ->
                            known.expiryMicros() != KeyedTable.NEVER && known.expiryMicros() <= watermarkAtBarrier);
            assertThat(restored).isEqualTo(atBarrier);
        }

        private void changeAnything() {
            int dice = random.nextInt(100);
            if (dice < 97) {
                change();
            } else if (dice < 99) {
                expire(random.nextInt(1 + expiryRange / 8));
            } else {
                expire(random.nextInt(2 * expiryRange));
            }
        }

        private void change() {
            int number = random.nextInt(keyRange);
            byte[] bytes = new byte[4 + number * 31 % keyFill];
            ByteBuffer.wrap(bytes).putInt(number);
            ByteBuffer key = ByteBuffer.wrap(bytes);
            KeyedTable table = state.table(number % KEY_GROUPS);
            int hash = KeyBytes.hash(bytes, 0, bytes.length);
            int entry = table.find(hash, bytes, 0, bytes.length);
            Known known = model.get(key);
            assertThat(entry == KeyedTable.NONE).isEqualTo(known == null);
            long expiryMicros = known == null ? randomExpiry() : known.expiryMicros();
            if (known == null) {
                entry = table.add(hash, new RowView().pointTo(bytes, 0, bytes.length), expiryMicros);
                if (ofObjects) {
                    table.placeObject(entry, new long[1], 16);
                }
            }
            long value = random.nextLong();
            change(table, entry, value);
            model.put(key, new Known(value, expiryMicros));
        }

        private void change(KeyedTable table, int entry, long value) {
            if (!ofObjects) {
                KeyBytes.LONG.set(table.bytesToChange(entry), table.valueOffset(entry), value);
            } else if (random.nextInt(4) == 0) {
                table.replaceObject(entry, new long[] {value}, 16);
            } else {
                ((long[]) table.objectToChange(entry))[0] = value;
            }
        }

        private long read(KeyedTable table, int entry) {
            return ofObjects
                    ? ((long[]) table.object(entry))[0]
                    : (long) KeyBytes.LONG.get(table.bytes(entry), table.valueOffset(entry));
        }

        private void expire(int byMicros) {
            watermarkMicros += byMicros;
            int before = model.size();
            model.values()
                    .removeIf(known ->
                            known.expiryMicros() != KeyedTable.NEVER && known.expiryMicros() <= watermarkMicros);
            assertThat(state.removeExpired(watermarkMicros)).isEqualTo(before - model.size());
        }

        private long randomExpiry() {
            return random.nextInt(4) == 0 ? KeyedTable.NEVER : watermarkMicros + 1 + random.nextInt(expiryRange);
        }
    }
}
