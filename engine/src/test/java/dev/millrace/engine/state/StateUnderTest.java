package dev.millrace.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A state of some kind with text for keys, sub-keys and values, so that tests can treat all kinds alike. */
final class StateUnderTest implements AutoCloseable {
    static final int KEY_GROUPS = 3;
    private static final int BYTES_SIZE = 24;

    enum Kind {
        BYTES,
        VALUES,
        OBJECTS,
        GROUPS,
        LISTS;

        boolean isGrouped() {
            return this == GROUPS || this == LISTS;
        }
    }

    /** What an entry is found by; the sub-key of a list is its number. */
    record Name(String key, String subKey) {}

    /** Takes entries. */
    @FunctionalInterface
    interface EntryReader {
        void entry(EntryTable table, int entry);
    }

    private final Kind kind;
    private final KeyedState<? extends EntryTable> state;
    private final RowView view = new RowView();

    StateUnderTest(Kind kind, MemoryBudget budget) {
        this.kind = kind;
        this.state = switch (kind) {
            case BYTES -> KeyedState.ofBytes(KEY_GROUPS, BYTES_SIZE, budget);
            case VALUES -> KeyedState.ofValues(KEY_GROUPS, budget);
            case OBJECTS -> KeyedState.ofObjects(KEY_GROUPS, new TextObjects(), budget);
            case GROUPS -> KeyedState.ofGroups(KEY_GROUPS, budget);
            case LISTS -> KeyedState.ofLists(KEY_GROUPS, budget);
        };
    }

    /** Objects whose bytes are their text. */
    static final class TextObjects implements ObjectValues {
        private final RowView view = new RowView();

        @Override
        public RowView serialize(Object object) {
            byte[] bytes = bytes(object.toString());
            return view.pointTo(bytes, 0, bytes.length);
        }

        @Override
        public Object deserialize(RowView bytes) {
            return new StringBuilder(text(bytes));
        }

        @Override
        public long estimatedBytes(Object object) {
            return 32 + 2L * ((StringBuilder) object).length();
        }
    }

    private EntryTable table(String key) {
        return state.table(Math.floorMod(key.hashCode(), KEY_GROUPS));
    }

    private int entry(Name name) {
        RowView key = view(name.key());
        return table(name.key()) instanceof GroupedTable groups
                ? groups.find(hash(key), key, subKey(name.subKey()))
                : ((KeyedTable) table(name.key())).find(hash(key), key);
    }

    private RowView subKey(String text) {
        if (kind != Kind.LISTS) {
            return view(text);
        }
        byte[] number = ByteBuffer.allocate(8).putLong(Long.parseLong(text)).array();
        return new RowView().pointTo(number, 0, 8);
    }

    void add(Name name, String value, long expiryMicros) {
        assertThat(entry(name)).isEqualTo(EntryTable.NONE);
        RowView key = view(name.key());
        EntryTable table = table(name.key());
        int entry;
        if (table instanceof KeyedTable keyed) {
            if (kind == Kind.OBJECTS) {
                entry = keyed.add(hash(key), key, expiryMicros);
                keyed.placeObject(entry, new StringBuilder(value));
            } else {
                entry = keyed.add(hash(key), key, view(value), expiryMicros);
            }
        } else if (kind == Kind.LISTS) {
            entry = ((GroupedTable) table).append(hash(key), key, view(value), expiryMicros);
        } else {
            entry = ((GroupedTable) table).add(hash(key), key, subKey(name.subKey()), view(value), expiryMicros);
        }
        assertThat(name(table, entry)).isEqualTo(name);
    }

    void change(Name name, String value, Random random) {
        EntryTable table = table(name.key());
        int entry = entry(name);
        if (kind == Kind.OBJECTS) {
            KeyedTable keyed = (KeyedTable) table;
            if (random.nextInt(4) == 0) {
                keyed.replaceObject(entry, new StringBuilder(value));
            } else {
                StringBuilder object = (StringBuilder) keyed.objectToChange(entry);
                object.setLength(0);
                object.append(value);
                keyed.objectChanged(entry);
            }
        } else if (table.valueSizeBytes(entry) == value.length() && random.nextBoolean()) {
            byte[] bytes = table.bytesToChange(entry);
            System.arraycopy(bytes(value), 0, bytes, table.valueOffset(entry), value.length());
        } else {
            assertThat(name(table, table.replace(entry, view(value)))).isEqualTo(name);
        }
    }

    void changeExpiry(Name name, long expiryMicros) {
        EntryTable table = table(name.key());
        int moved = table.changeExpiry(entry(name), expiryMicros);
        assertThat(moved).isEqualTo(entry(name));
    }

    boolean remove(Name name) {
        int entry = entry(name);
        if (entry != EntryTable.NONE) {
            table(name.key()).remove(entry);
        }
        return entry != EntryTable.NONE;
    }

    int removeAll(Name name) {
        RowView key = view(name.key());
        return ((GroupedTable) table(name.key())).removeAll(hash(key), key);
    }

    /** The value of an entry that is there. */
    String find(Name name) {
        return value(table(name.key()), entry(name));
    }

    long expiryMicros(Name name) {
        return table(name.key()).expiryMicros(entry(name));
    }

    long spilledRowCount() {
        return state.size().spilledRows();
    }

    Name name(EntryTable table, int entry) {
        String key = text(table.key(entry, view));
        if (!(table instanceof GroupedTable groups)) {
            return new Name(key, "");
        }
        RowView subKey = groups.subKey(entry, view);
        return new Name(
                key,
                kind == Kind.LISTS
                        ? Long.toString(ByteBuffer.wrap(subKey.toBytes()).getLong())
                        : text(subKey));
    }

    String value(EntryTable table, int entry) {
        return kind == Kind.OBJECTS ? ((KeyedTable) table).object(entry).toString() : text(table.value(entry, view));
    }

    /** The names of a key's entries in their order. */
    List<Name> names(String key) {
        GroupedTable table = (GroupedTable) table(key);
        List<Name> names = new ArrayList<>();
        RowView keyView = view(key);
        int last = EntryTable.NONE;
        int first = table.first(hash(keyView), keyView);
        for (int entry = first; entry != EntryTable.NONE; entry = table.next(entry)) {
            names.add(name(table, entry));
            last = entry;
        }
        assertThat(first == EntryTable.NONE ? last : table.last(first)).isEqualTo(last);
        return names;
    }

    void forEach(EntryReader reader) {
        for (int keyGroup = 0; keyGroup < KEY_GROUPS; keyGroup++) {
            EntryTable table = state.existingTable(keyGroup);
            if (table != null) {
                for (int entry = table.firstEntry(); entry != EntryTable.NONE; entry = table.nextEntry(entry)) {
                    reader.entry(table, entry);
                }
            }
        }
    }

    /** The values of all entries, or of those that changed, of a state with one entry per key. */
    @SuppressWarnings("unchecked")
    Map<Name, String> walk(boolean changedOnly, Random random) {
        KeyedState<KeyedTable> keyed = (KeyedState<KeyedTable>) state;
        Map<Name, String> found = new HashMap<>();
        KeyedWalk.Visitor visitor = new KeyedWalk.Visitor() {
            @Override
            public boolean inMemory(KeyedTable table, int entry) {
                return random.nextInt(5) != 0 && found.put(name(table, entry), value(table, entry)) == null;
            }

            @Override
            public boolean spilled(RowView key, RowView value) {
                return random.nextInt(5) != 0 && found.put(new Name(text(key), ""), text(value)) == null;
            }
        };
        try (KeyedWalk walk = changedOnly ? KeyedWalk.overChanged(keyed) : KeyedWalk.overAll(keyed)) {
            int stops = 0;
            while (!walk.run(visitor)) {
                assertThat(++stops)
                        .as("stops, of which each is followed by a step")
                        .isLessThan(100_000);
            }
        }
        return found;
    }

    /** Whether removed entries take no more than they may. */
    boolean boundsGarbage() {
        boolean bounded = true;
        for (int keyGroup = 0; keyGroup < KEY_GROUPS; keyGroup++) {
            EntryTable table = state.existingTable(keyGroup);
            bounded &= table == null
                    || table.garbageBytes() <= Math.max(EntryTable.MAX_IDLE_GARBAGE_BYTES, state.sizeBytes() / 2);
        }
        return bounded;
    }

    boolean removeExpired(long watermarkMicros, int limit) {
        return state.removeExpired(watermarkMicros, limit);
    }

    boolean expire(long micros, int limit, ExpiryVisitor<EntryTable> visitor) {
        return state.expire(micros, limit, visitor);
    }

    long earliestExpiryMicros() {
        return state.earliestExpiryMicros();
    }

    void reclaim() {
        state.reclaim();
    }

    long rowCount() {
        return state.rowCount();
    }

    FrozenState freeze(OperatorId operator, int stateIndex) {
        return state.freeze(operator, stateIndex);
    }

    void restore(Section section) throws Exception {
        state.restore(section);
    }

    @Override
    public void close() {
        state.close();
    }

    private static int hash(RowView key) {
        return KeyBytes.hash(key.bytes(), key.offset(), key.sizeBytes());
    }

    private static RowView view(String text) {
        byte[] bytes = bytes(text);
        return new RowView().pointTo(bytes, 0, bytes.length);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static String text(RowView view) {
        return new String(view.bytes(), view.offset(), view.sizeBytes(), StandardCharsets.ISO_8859_1);
    }
}
