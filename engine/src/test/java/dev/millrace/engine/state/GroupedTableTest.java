package dev.millrace.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionKey;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class GroupedTableTest {
    private static final int KEY_GROUPS = 4;
    private static final int VALUE_BYTES = 24;

    private final MemoryBudget budget = new MemoryBudget(Long.MAX_VALUE);

    /** A timer is an entry without a value whose sub-key is its time, which is its expiry time too. */
    @Test
    void keepsTimersOfAKeyThatFireInOrderAndCanBeTakenBack() {
        try (KeyedState<GroupedTable> timers = KeyedState.ofGroups(KEY_GROUPS, budget)) {
            for (long micros : new long[] {300, 100, 200, 400}) {
                set(timers, 7, micros);
            }
            GroupedTable table = timers.table(1);
            table.remove(table.find(hash(7), view(7), view(200)));

            List<Long> fired = new ArrayList<>();
            boolean all = timers.expire(350, 1, (keyGroup, of, entry) -> {
                fired.add(of.expiryMicros(entry));
                // Fired at a time that no snapshot knows of, it has to be named as removed.
                of.remove(entry);
                return true;
            });
            assertThat(all).isFalse();
            set(timers, 7, 310);
            assertThat(timers.expire(350, 10, (keyGroup, of, entry) -> fired.add(of.expiryMicros(entry))))
                    .isTrue();

            assertThat(fired).containsExactly(100L, 300L, 310L);
            assertThat(timers.earliestExpiryMicros()).isEqualTo(400);
            assertThat(timers.rowCount()).isEqualTo(1);
        }
        assertThat(budget.usedBytes()).isZero();
    }

    @Test
    void changesAFlagOfOneEntryWhereItLies() {
        try (KeyedState<GroupedTable> rows = KeyedState.ofLists(KEY_GROUPS, budget)) {
            GroupedTable table = rows.table(0);
            for (int i = 0; i < 3; i++) {
                table.append(hash(1), view(1), view(i), EntryTable.NEVER);
            }
            int second = table.next(table.first(hash(1), view(1)));
            table.bytesToChange(second)[table.valueOffset(second)] = 1;

            List<Byte> flags = new ArrayList<>();
            for (int entry = table.first(hash(1), view(1)); entry != EntryTable.NONE; entry = table.next(entry)) {
                flags.add(table.bytes(entry)[table.valueOffset(entry)]);
            }
            assertThat(flags).containsExactly((byte) 0, (byte) 1, (byte) 0);
        }
    }

    @Test
    void takesAtMostSixtyFourBytesPerEntryBesideKeySubKeyAndValue() {
        int entryCount = 100_000;
        try (KeyedState<GroupedTable> rows = KeyedState.ofLists(1, budget)) {
            RowView value = new RowView().pointTo(new byte[VALUE_BYTES], 0, VALUE_BYTES);
            for (int i = 0; i < entryCount; i++) {
                rows.table(0).append(hash(i % 1_000), view(i % 1_000), value, 1_000_000L * (i / 10_000));
            }

            long overhead = rows.sizeBytes() / entryCount - Long.BYTES - Long.BYTES - VALUE_BYTES;
            assertThat(overhead).isLessThanOrEqualTo(64);
        }
    }

    /** So many that it would be felt if each looked for its place among the others. */
    @Test
    void bringsAListBackToItsOrderWhateverTheOrderOfItsEntriesInTheSnapshot() throws Exception {
        int entryCount = 200_000;
        List<Long> numbers = new ArrayList<>();
        for (long number = 0; number < entryCount; number++) {
            numbers.add(number);
        }
        Collections.shuffle(numbers, new Random(7));
        Section section = new Section(new SectionKey(new OperatorId(0, 0), 0)).markBase();
        byte[] wholeKey = new byte[2 * Long.BYTES];
        for (long number : numbers) {
            ByteBuffer.wrap(wholeKey).putLong(1).putLong(number);
            section.put(
                    new RowView().pointTo(wholeKey, 0, wholeKey.length), Long.BYTES, view(number), EntryTable.NEVER);
        }
        try (KeyedState<GroupedTable> rows = KeyedState.ofLists(1, budget)) {
            rows.restore(section);
            GroupedTable table = rows.table(0);
            table.remove(table.first(hash(1), view(1)));
            table.append(hash(1), view(1), view(entryCount), EntryTable.NEVER);

            long expected = 1;
            RowView value = new RowView();
            for (int entry = table.first(hash(1), view(1)); entry != EntryTable.NONE; entry = table.next(entry)) {
                table.value(entry, value);
                assertThat(ByteBuffer.wrap(value.bytes()).getLong(value.offset()))
                        .isEqualTo(expected++);
            }
            assertThat(expected).isEqualTo(entryCount + 1);
        }
        assertThat(budget.usedBytes()).isZero();
    }

    private static void set(KeyedState<GroupedTable> timers, long key, long micros) {
        timers.table(1).add(hash(key), view(key), view(micros), new RowView(), micros);
    }

    private static RowView view(long number) {
        return new RowView().pointTo(ByteBuffer.allocate(8).putLong(number).array(), 0, 8);
    }

    private static int hash(long key) {
        return KeyBytes.hash(view(key).bytes(), 0, 8);
    }
}
