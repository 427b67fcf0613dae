package dev.millrace.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionKey;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class KeyedTableTest {
    private static final int VALUE_BYTES = 24;

    private static final long STEP_BYTES = new MemoryBudget(Long.MAX_VALUE).stepBytes();

    private final MemoryBudget budget = new MemoryBudget(Long.MAX_VALUE);
    private final StateLedger ledger = new StateLedger(budget);
    private final KeyedTable table = KeyedTable.ofBytes(ledger, 0, VALUE_BYTES);

    @Test
    void findsNothingInAnEmptyTable() {
        assertThat(find(table, key(1))).isEqualTo(KeyedTable.NONE);
        assertThat(table.firstEntry()).isEqualTo(KeyedTable.NONE);
        assertThat(ledger.usedBytes()).isZero();
    }

    @Test
    void takesTheEmptyKeyLikeAnyOther() {
        int entry = add(table, new byte[0], KeyedTable.NEVER);

        assertThat(find(table, new byte[0])).isEqualTo(entry);
        assertThat(find(table, new byte[8])).isEqualTo(KeyedTable.NONE);
    }

    @Test
    void tellsKeysApartThatDifferOnlyBehindTheLastWholeWord() {
        int first = add(table, new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9}, KeyedTable.NEVER);
        int second = add(table, new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 10}, KeyedTable.NEVER);

        assertThat(find(table, new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9})).isEqualTo(first);
        assertThat(find(table, new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 10})).isEqualTo(second);
    }

    @Test
    void findsKeysWhereverTheyLieInAnArray() {
        int entry = add(table, key(7), KeyedTable.NEVER);
        byte[] shifted = new byte[20];
        System.arraycopy(key(7), 0, shifted, 5, 8);

        assertThat(table.find(KeyBytes.hash(shifted, 5, 8), shifted, 5, 8)).isEqualTo(entry);
    }

    @Test
    void holdsKeysLargerThanAChunkBetweenSmallOnes() {
        byte[] large = new byte[3 * EntryArena.CHUNK_BYTES + 11];
        large[large.length - 1] = 1;
        add(table, key(1), KeyedTable.NEVER);
        add(table, large, KeyedTable.NEVER);
        add(table, key(2), KeyedTable.NEVER);

        assertThat(table.key(find(table, large), new RowView()).toBytes()).isEqualTo(large);
        assertThat(find(table, key(2))).isNotEqualTo(KeyedTable.NONE);
        assertThat(countByWalking(table)).isEqualTo(3);
    }

    @Test
    void takesAtMostSixtyFourBytesBesideKeyAndValue() {
        int keyCount = 100_000;
        for (int i = 0; i < keyCount; i++) {
            add(table, key(i), 1_000_000L * (i % 10));
        }

        long overhead = ledger.usedBytes() / keyCount - 8 - VALUE_BYTES;
        assertThat(overhead).isLessThanOrEqualTo(64);
    }

    @Test
    void takesLittleForATableOfOneKey() {
        add(table, key(1), KeyedTable.NEVER);

        assertThat(ledger.usedBytes()).isLessThan(512);
    }

    @Test
    void boundsWhatRemovedEntriesTake() {
        for (int i = 0; i < 100_000; i++) {
            table.remove(add(table, key(i), i % 2 == 0 ? KeyedTable.NEVER : i));
            table.boundGarbage();
        }

        assertThat(table.rowCount()).isZero();
        assertThat(table.garbageBytes()).isLessThanOrEqualTo(KeyedTable.MAX_IDLE_GARBAGE_BYTES);
        assertThat(ledger.usedBytes()).isLessThan(4 * KeyedTable.MAX_IDLE_GARBAGE_BYTES);
    }

    @Test
    void givesMemoryBackWhenAWindowsKeysExpire() {
        for (int i = 0; i < 10_000; i++) {
            add(table, key(i), 60_000_000);
        }
        for (int i = 0; i < 10; i++) {
            add(table, key(100_000 + i), 120_000_000);
        }

        assertThat(ExpiryWalk.removeSome(table, 59_999_999)).isZero();
        assertThat(ExpiryWalk.removeSome(table, 60_000_000)).isEqualTo(10_000);
        assertThat(table.rowCount()).isEqualTo(10);
        assertThat(find(table, key(100_003))).isNotEqualTo(KeyedTable.NONE);
        assertThat(find(table, key(3))).isEqualTo(KeyedTable.NONE);
        assertThat(ledger.usedBytes()).isLessThan(4096);
    }

    @Test
    void takesNoMoreMemoryRestoredThanGrown() throws Exception {
        Section base = new Section(new SectionKey(new OperatorId(0, 0), 0, 0)).markBase();
        RowView value = new RowView().pointTo(new byte[VALUE_BYTES], 0, VALUE_BYTES);
        for (long i = 0; i < 5_000; i++) {
            add(table, key(i), KeyedTable.NEVER);
            base.put(new RowView().pointTo(key(i), 0, key(i).length), value);
        }
        StateLedger restoredLedger = new StateLedger(budget);
        KeyedTable restored = KeyedTable.ofBytes(restoredLedger, 0, VALUE_BYTES);
        restored.snapshots().restore(base, entry -> {});

        assertThat(restored.rowCount()).isEqualTo(table.rowCount());
        assertThat(restoredLedger.usedBytes()).isLessThanOrEqualTo(ledger.usedBytes());
    }

    @Test
    void neverExpiresKeysWithoutAnExpiryTime() {
        add(table, key(1), KeyedTable.NEVER);
        add(table, key(2), 5);

        assertThat(ExpiryWalk.removeSome(table, Long.MAX_VALUE)).isEqualTo(1);
        assertThat(ExpiryWalk.removeSome(table, Long.MAX_VALUE)).isZero();
        assertThat(find(table, key(1))).isNotEqualTo(KeyedTable.NONE);
    }

    @Test
    void takesAKeyAgainThatWasRemovedBefore() {
        int entry = add(table, key(1), 50);
        table.bytesToChange(entry)[table.valueOffset(entry)] = 9;
        table.remove(entry);
        int again = add(table, key(1), 70);

        assertThat(table.bytes(again)[table.valueOffset(again)]).isZero();
        assertThat(ExpiryWalk.removeSome(table, 60)).isZero();
        assertThat(ExpiryWalk.removeSome(table, 70)).isEqualTo(1);
    }

    @Test
    void refusesKeysBeyondTheBudgetAndReleasesEverythingOnClose() {
        MemoryBudget small = new MemoryBudget(1_000_000);
        try (KeyedState<KeyedTable> state = KeyedState.ofBytes(200, VALUE_BYTES, small)) {
            assertThatThrownBy(() -> {
                        for (int i = 0; i < 100_000; i++) {
                            add(state.table(i % 200), key(i), i);
                        }
                    })
                    .isInstanceOfSatisfying(MillraceException.class, error -> assertThat(error.code())
                            .isEqualTo(ErrorCode.STATE_MEMORY));
            assertThat(state.rowCount()).isGreaterThan(5_000);
            assertThat(small.usedBytes()).isLessThanOrEqualTo(small.limitBytes());
            assertThat(state.sizeBytes()).isLessThanOrEqualTo(small.usedBytes());
        }
        assertThat(small.usedBytes()).isZero();
    }

    @Test
    void dropsExpiredKeysEvenWhenTheBudgetIsExhausted() {
        MemoryBudget small = new MemoryBudget(1_000_000);
        try (KeyedState<KeyedTable> state = KeyedState.ofBytes(1, VALUE_BYTES, small)) {
            assertThatThrownBy(() -> {
                        for (int i = 0; i < 100_000; i++) {
                            add(state.table(0), key(i), i % 3);
                        }
                    })
                    .isInstanceOf(MillraceException.class);
            long before = state.rowCount();

            assertThat(state.removeExpired(1, Integer.MAX_VALUE)).isTrue();
            assertThat(state.rowCount()).isLessThan(before / 2);
            assertThat(small.usedBytes()).isLessThan(small.limitBytes());
            assertThat(find(state.table(0), key(5))).isNotEqualTo(KeyedTable.NONE);
        }
    }

    @Test
    void countsWhatHotObjectsTakeAsTheyGrowAndGiveBack() {
        GrowingValues values = new GrowingValues();
        KeyedTable objects = KeyedTable.ofObjects(ledger, 0, values);
        int entry = add(objects, key(1), KeyedTable.NEVER);
        values.sizeBytes = 1_000;
        objects.placeObject(entry, "object");
        long before = ledger.usedBytes();
        for (int i = 0; i < 100_000; i++) {
            assertThat(objects.objectToChange(entry)).isEqualTo("object");
            values.sizeBytes = 1_000 + 16L * i;
            objects.objectChanged(entry);
        }

        assertThat(values.measured).isBetween(50, 300);
        assertThat(ledger.usedBytes() - before).isBetween(1_500_000L, 1_600_000L);
        objects.remove(entry);
        assertThat(ledger.usedBytes()).isLessThan(before);
        ledger.close();
        assertThat(budget.usedBytes()).isZero();
    }

    /** Objects of a size that the test says. */
    private static final class GrowingValues implements ObjectValues {
        private long sizeBytes;
        private int measured;

        @Override
        public RowView serialize(Object object) {
            return new RowView();
        }

        @Override
        public Object deserialize(RowView bytes) {
            return "object";
        }

        @Override
        public long estimatedBytes(Object object) {
            measured++;
            return sizeBytes;
        }
    }

    @Test
    void reservesInStepsAndKeepsAtMostTwoSpare() {
        ledger.take(1);
        assertThat(budget.usedBytes()).isEqualTo(STEP_BYTES);
        ledger.take(10 * STEP_BYTES);
        ledger.giveBack(10 * STEP_BYTES);
        assertThat(budget.usedBytes()).isLessThanOrEqualTo(2 * STEP_BYTES);
        ledger.close();
        assertThat(budget.usedBytes()).isZero();
    }

    private static byte[] key(long number) {
        return ByteBuffer.allocate(8).putLong(number).array();
    }

    private static int find(KeyedTable table, byte[] key) {
        return table.find(KeyBytes.hash(key, 0, key.length), key, 0, key.length);
    }

    private static int add(KeyedTable table, byte[] key, long expiryMicros) {
        RowView view = new RowView().pointTo(key, 0, key.length);
        return table.add(KeyBytes.hash(key, 0, key.length), view, expiryMicros);
    }

    private static int countByWalking(KeyedTable table) {
        int count = 0;
        for (int entry = table.firstEntry(); entry != KeyedTable.NONE; entry = table.nextEntry(entry)) {
            count++;
        }
        return count;
    }
}
