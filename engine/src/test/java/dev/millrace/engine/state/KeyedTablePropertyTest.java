package dev.millrace.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.page.RowView;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The table against a HashMap, through seeded runs of everything that can be done to it. */
class KeyedTablePropertyTest {
    private static final int STEPS = 3_000;
    private static final int VALUE_BYTES = 16;

    /** What the model knows of a key. */
    private record Expected(long value, long expiryMicros) {}

    @Test
    void holdsTheSameAsAMapWhoseValuesAreBytes() {
        Seeds.forEach(60, seed -> new Run(seed, false).toEnd());
    }

    @Test
    void holdsTheSameAsAMapWhoseValuesAreObjects() {
        Seeds.forEach(60, seed -> new Run(seed, true).toEnd());
    }

    private static final class Run {
        private final Random random;
        private final boolean ofObjects;
        private final MemoryBudget budget = new MemoryBudget(Long.MAX_VALUE);
        private final StateLedger ledger = new StateLedger(budget);
        private final KeyedTable table;
        private final Map<ByteBuffer, Expected> model = new HashMap<>();
        private final int keyRange;
        private final int keyFill;
        private final int expiryKinds;
        private long watermarkMicros;

        Run(long seed, boolean ofObjects) {
            this.random = new Random(seed);
            this.ofObjects = ofObjects;
            this.table = ofObjects ? KeyedTable.ofObjects(ledger) : KeyedTable.ofBytes(ledger, VALUE_BYTES);
            this.keyRange = 1 << random.nextInt(12);
            this.keyFill = random.nextInt(3) == 0 ? 2_000 : 20;
            this.expiryKinds = 1 << random.nextInt(12);
        }

        void toEnd() {
            for (int i = 0; i < STEPS; i++) {
                int dice = random.nextInt(100);
                if (dice < 75) {
                    change();
                } else if (dice < 98) {
                    remove();
                } else {
                    expire();
                }
            }
            compareAll();
            watermarkMicros = Long.MAX_VALUE;
            expire();
            compareAll();
            ledger.close();
            assertThat(budget.usedBytes()).isZero();
        }

        private void change() {
            byte[] key = randomKey();
            int entry = find(key);
            Expected expected = model.get(ByteBuffer.wrap(key));
            assertThat(entry == KeyedTable.NONE).isEqualTo(expected == null);
            long value = random.nextLong();
            if (expected == null) {
                expected = new Expected(value, randomExpiry());
                entry = table.add(
                        KeyBytes.hash(key, 0, key.length),
                        new RowView().pointTo(key, 0, key.length),
                        expected.expiryMicros());
                if (ofObjects) {
                    table.placeObject(entry, new long[1], random.nextInt(1_000));
                }
            }
            write(entry, value);
            model.put(ByteBuffer.wrap(key), new Expected(value, expected.expiryMicros()));
        }

        private void write(int entry, long value) {
            if (ofObjects) {
                ((long[]) table.objectToChange(entry))[0] = value;
                if (table.isObjectSizeDue(entry)) {
                    table.objectResized(entry, random.nextInt(1_000));
                }
            } else {
                KeyBytes.LONG.set(table.bytesToChange(entry), table.valueOffset(entry) + 8, value);
            }
        }

        private long read(int entry) {
            return ofObjects
                    ? ((long[]) table.object(entry))[0]
                    : (long) KeyBytes.LONG.get(table.bytes(entry), table.valueOffset(entry) + 8);
        }

        private void remove() {
            byte[] key = randomKey();
            int entry = find(key);
            if (entry != KeyedTable.NONE) {
                table.remove(entry);
            }
            assertThat(model.remove(ByteBuffer.wrap(key)) != null).isEqualTo(entry != KeyedTable.NONE);
            assertThat(table.garbageBytes())
                    .isLessThanOrEqualTo(Math.max(KeyedTable.MAX_IDLE_GARBAGE_BYTES, ledger.usedBytes() / 2));
        }

        private void expire() {
            watermarkMicros = Math.max(watermarkMicros, watermarkMicros + random.nextInt(expiryKinds));
            int before = model.size();
            model.values()
                    .removeIf(expected ->
                            expected.expiryMicros() != KeyedTable.NEVER && expected.expiryMicros() <= watermarkMicros);
            assertThat(table.removeExpired(watermarkMicros)).isEqualTo(before - model.size());
            assertThat(table.earliestExpiryMicros()).isGreaterThanOrEqualTo(watermarkMicros);
        }

        private void compareAll() {
            assertThat(table.rowCount()).isEqualTo(model.size());
            assertThat(ledger.rowCount()).isEqualTo(model.size());
            Map<ByteBuffer, Expected> walked = new HashMap<>();
            RowView view = new RowView();
            for (int entry = table.firstEntry(); entry != KeyedTable.NONE; entry = table.nextEntry(entry)) {
                ByteBuffer key = ByteBuffer.wrap(table.key(entry, view).toBytes());
                walked.put(key, new Expected(read(entry), table.expiryMicros(entry)));
            }
            assertThat(walked).isEqualTo(model);
            for (Map.Entry<ByteBuffer, Expected> expected : model.entrySet()) {
                byte[] key = new byte[expected.getKey().remaining()];
                expected.getKey().duplicate().get(key);
                assertThat(read(find(key))).isEqualTo(expected.getValue().value());
            }
        }

        private int find(byte[] key) {
            return table.find(KeyBytes.hash(key, 0, key.length), key, 0, key.length);
        }

        private byte[] randomKey() {
            int number = random.nextInt(keyRange);
            byte[] key = new byte[4 + (number * 31) % keyFill];
            ByteBuffer.wrap(key).putInt(number);
            return key;
        }

        private long randomExpiry() {
            return random.nextInt(4) == 0 ? KeyedTable.NEVER : watermarkMicros + 1 + random.nextInt(expiryKinds);
        }
    }
}
