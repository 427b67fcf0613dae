package dev.millrace.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.harness.Seeds;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.state.StateUnderTest.Kind;
import dev.millrace.engine.state.StateUnderTest.Name;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * State of every kind against a plain map, through seeded runs of everything that can be done to it:
 * entries come, change, grow, shrink, expire at other times, are removed, come back; expired ones are
 * visited in slices. Barriers come at any moment, what is frozen is written in slices or in haste, and
 * after each a fresh state takes the sections of all snapshots back that a manifest would name.
 */
class KeyedStatePropertyTest {
    private static final int SEEDS = 60;
    private static final int SEEDS_SPILLING = 4;
    private static final long SPILLING_BUDGET_BYTES = 512 * 1024;
    private static final int EPOCHS = 14;
    private static final OperatorId OPERATOR = new OperatorId(3, 1);
    private static final int STATE_INDEX = 2;

    @TempDir
    Path folder;

    @Test
    void holdsAndRestoresBytesOfOneSize() {
        Seeds.forEach(SEEDS, seed -> new Run(seed, Kind.BYTES, null).toEnd());
    }

    @Test
    void holdsAndRestoresBytesOfAnySize() {
        Seeds.forEach(SEEDS, seed -> new Run(seed, Kind.VALUES, null).toEnd());
    }

    @Test
    void holdsAndRestoresObjects() {
        Seeds.forEach(SEEDS, seed -> new Run(seed, Kind.OBJECTS, null).toEnd());
    }

    @Test
    void holdsAndRestoresGroups() {
        Seeds.forEach(SEEDS, seed -> new Run(seed, Kind.GROUPS, null).toEnd());
    }

    @Test
    void holdsAndRestoresLists() {
        Seeds.forEach(SEEDS, seed -> new Run(seed, Kind.LISTS, null).toEnd());
    }

    @Test
    void holdsAndRestoresBytesOfOneSizeThatSpill() {
        forEachSeedSpilling(Kind.BYTES);
    }

    @Test
    void holdsAndRestoresBytesOfAnySizeThatSpill() {
        forEachSeedSpilling(Kind.VALUES);
    }

    @Test
    void holdsAndRestoresObjectsThatSpill() {
        forEachSeedSpilling(Kind.OBJECTS);
    }

    @Test
    void holdsAndRestoresGroupsThatSpill() {
        forEachSeedSpilling(Kind.GROUPS);
    }

    @Test
    void holdsAndRestoresListsThatSpill() {
        forEachSeedSpilling(Kind.LISTS);
    }

    private void forEachSeedSpilling(Kind kind) {
        long[] mostSpilled = {0};
        Seeds.forEach(SEEDS_SPILLING, seed -> {
            Run run = new Run(seed, kind, folder);
            run.toEnd();
            mostSpilled[0] = Math.max(mostSpilled[0], run.mostSpilled);
            assertThat(run.budget.isSpilling()).isFalse();
            assertThat(folder).isEmptyDirectory();
        });
        assertThat(mostSpilled[0]).as("rows that were spilled at one time").isGreaterThan(100);
    }

    /** What is known of an entry. */
    private record Known(String value, long expiryMicros) {
        @Override
        public String toString() {
            return "@%d '%.20s' (%d)".formatted(expiryMicros, value, value.length());
        }
    }

    private static final class Run {
        private final Random random;
        private final @Nullable Path store;
        private final MemoryBudget budget;
        private final Kind kind;
        private final StateUnderTest state;
        private final Map<Name, Known> model = new LinkedHashMap<>();
        private final int keyRange;
        private final int keyFill;
        private final int valueFill;
        private final int changesPerEpoch;
        private final int expiryRange;

        /** What was added or changed since the last barrier, also what was removed then. */
        private final Set<Name> changed = new HashSet<>();

        private long watermarkMicros;
        private long mostSpilled;

        /** The sections that a manifest would name, by their key, and those of the snapshot under way. */
        private final Map<SectionKey, List<Section>> stored = new TreeMap<>();

        private final List<Section> written = new ArrayList<>();
        private FrozenState frozen;
        private Map<Name, Known> atBarrier = Map.of();

        /** @param store where the state spills, with little memory, or null for never */
        Run(long seed, Kind kind, @Nullable Path store) {
            this.random = new Random(seed);
            this.kind = kind;
            this.store = store;
            this.budget = budget();
            this.state = new StateUnderTest(kind, budget);
            boolean spills = store != null;
            this.keyRange = 1 << (spills ? 9 + random.nextInt(3) : random.nextInt(9));
            this.keyFill = spills ? (kind == Kind.BYTES ? 900 : 20) : random.nextInt(3) == 0 ? 3_000 : 20;
            this.valueFill = spills ? 900 : random.nextInt(3) == 0 ? 3_000 : 40;
            this.changesPerEpoch = 1 << (spills ? 9 + random.nextInt(2) : random.nextInt(10));
            this.expiryRange = 1 << (spills ? 9 : random.nextInt(10));
        }

        private MemoryBudget budget() {
            if (store == null) {
                return new MemoryBudget(Long.MAX_VALUE);
            }
            // Memory is short now and then, or always.
            return random.nextInt(4) == 0
                    ? new MemoryBudget(2 * SPILLING_BUDGET_BYTES, () -> SpillFolder.in(store), 0)
                    : new MemoryBudget(SPILLING_BUDGET_BYTES, () -> SpillFolder.in(store));
        }

        private void reclaim(StateUnderTest of) {
            if (store != null) {
                of.reclaim();
                mostSpilled = Math.max(mostSpilled, of.spilledRowCount());
            }
        }

        void toEnd() throws Exception {
            for (int epoch = 0; epoch < (store == null ? EPOCHS : EPOCHS / 2); epoch++) {
                for (int i = 0; i < changesPerEpoch; i++) {
                    changeAnything();
                    reclaim(state);
                    if (random.nextInt(8) == 0) {
                        writeSlice(random.nextInt(500));
                    }
                }
                compareAll();
                // A barrier comes mostly behind the last slice, and else writes what is left itself.
                if (random.nextInt(3) != 0) {
                    writeAll();
                }
                freeze();
            }
            writeAll();
            state.close();
            assertThat(budget.usedBytes()).isZero();
        }

        private void changeAnything() {
            int dice = random.nextInt(100);
            if (dice < 70) {
                put();
            } else if (dice < 85) {
                remove();
            } else if (dice < 95) {
                changeExpiry();
            } else if (dice < 96) {
                state.reclaim();
            } else if (dice < 99) {
                expire(random.nextInt(1 + expiryRange / 8));
            } else {
                expire(random.nextInt(2 * expiryRange));
            }
        }

        private void put() {
            Name name = randomName();
            Known known = model.get(name);
            String value = randomValue();
            changed.add(name);
            if (known == null) {
                long expiryMicros = randomExpiry();
                state.add(name, value, expiryMicros);
                model.put(name, new Known(value, expiryMicros));
            } else {
                state.change(name, value, random);
                model.put(name, new Known(value, known.expiryMicros()));
            }
        }

        private void remove() {
            Name name = knownOrRandomName();
            if (kind.isGrouped() && random.nextInt(4) == 0) {
                Set<Name> gone = new HashSet<>(model.keySet());
                gone.removeIf(other -> !other.key().equals(name.key()));
                assertThat(state.removeAll(name)).isEqualTo(gone.size());
                model.keySet().removeAll(gone);
            } else {
                assertThat(state.remove(name)).isEqualTo(model.remove(name) != null);
            }
        }

        private void changeExpiry() {
            Name name = knownOrRandomName();
            Known known = model.get(name);
            if (known != null) {
                long expiryMicros = randomExpiry();
                state.changeExpiry(name, expiryMicros);
                if (expiryMicros != known.expiryMicros()) {
                    changed.add(name);
                }
                model.put(name, new Known(known.value(), expiryMicros));
            }
        }

        private void expire(int byMicros) {
            watermarkMicros += byMicros;
            if (random.nextInt(3) == 0) {
                while (!state.removeExpired(watermarkMicros, 1 + random.nextInt(30))) {
                    writeSlice(random.nextInt(100));
                }
                model.values().removeIf(known -> known.expiryMicros() <= watermarkMicros);
            } else {
                expireVisibly();
            }
            assertThat(state.earliestExpiryMicros()).isGreaterThan(watermarkMicros);
        }

        /** The visitor stops now and then, keeps some, and removes some itself. */
        private void expireVisibly() {
            Map<Name, Known> left = new HashMap<>(model);
            left.values().removeIf(known -> known.expiryMicros() > watermarkMicros);
            ExpiryVisitor<EntryTable> visitor = (keyGroup, table, entry) -> {
                if (random.nextInt(5) == 0) {
                    return false;
                }
                Name name = state.name(table, entry);
                Known known = new Known(state.value(table, entry), table.expiryMicros(entry));
                assertThat(left.remove(name)).as("expired entry").isEqualTo(known);
                if (random.nextInt(6) == 0) {
                    long expiryMicros =
                            random.nextBoolean() ? EntryTable.NEVER : watermarkMicros + 1 + random.nextInt(9);
                    assertThat(table.changeExpiry(entry, expiryMicros)).isEqualTo(entry);
                    model.put(name, new Known(known.value(), expiryMicros));
                    changed.add(name);
                    return true;
                }
                if (random.nextInt(4) == 0) {
                    table.remove(entry);
                }
                model.remove(name);
                return true;
            };
            while (!state.expire(watermarkMicros, 1 + random.nextInt(30), visitor)) {
                writeSlice(random.nextInt(100));
            }
            assertThat(left).as("entries that were not visited").isEmpty();
        }

        private void compareAll() {
            assertThat(state.rowCount()).isEqualTo(model.size());
            if (store == null) {
                requireEqual(entries(state), model);
            } else if (!kind.isGrouped()) {
                compareWalks();
            }
            requireFound(state, model);
            if (kind.isGrouped()) {
                compareOrder(state);
            }
            state.reclaim();
            assertThat(state.boundsGarbage()).isTrue();
        }

        /** Walks find what is out of memory too. */
        private void compareWalks() {
            Map<Name, String> all = new HashMap<>();
            model.forEach((name, known) -> all.put(name, known.value()));
            Map<Name, String> changedOnes = new HashMap<>(all);
            changedOnes.keySet().retainAll(changed);
            requireEqual(state.walk(false, random), all);
            requireEqual(state.walk(true, random), changedOnes);
        }

        /** Lists keep their order for good, groups that of adding until they are restored. */
        private void compareOrder(StateUnderTest of) {
            Map<String, List<Name>> byKey = new HashMap<>();
            model.keySet().forEach(name -> byKey.computeIfAbsent(name.key(), key -> new ArrayList<>())
                    .add(name));
            byKey.forEach((key, names) -> {
                List<Name> found = of.names(key);
                if (store == null || kind == Kind.LISTS) {
                    assertThat(found).isEqualTo(names);
                } else {
                    assertThat(found).containsExactlyInAnyOrderElementsOf(names);
                }
                reclaim(of);
            });
        }

        private void requireFound(StateUnderTest of, Map<Name, Known> expected) {
            expected.forEach((name, known) -> {
                assertThat(of.find(name)).isEqualTo(known.value());
                assertThat(of.expiryMicros(name)).isEqualTo(known.expiryMicros());
                reclaim(of);
            });
            assertThat(of.rowCount()).isEqualTo(expected.size());
        }

        private void freeze() throws Exception {
            FrozenState earlier = frozen;
            Map<Name, Known> earlierModel = atBarrier;
            atBarrier = new LinkedHashMap<>(model);
            FrozenState now = state.freeze(OPERATOR, STATE_INDEX);
            changed.clear();
            if (earlier != null) {
                // What was left of it was written in haste, as of its own barrier.
                assertThat(earlier.write(1, written::add)).isTrue();
                checkSnapshot(earlierModel);
            }
            frozen = now;
        }

        private void writeSlice(int sizeBytes) {
            try {
                if (frozen != null && frozen.write(sizeBytes, written::add)) {
                    frozen = null;
                    checkSnapshot(atBarrier);
                }
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }

        private void writeAll() {
            while (frozen != null) {
                writeSlice(1 + random.nextInt(2_000));
            }
        }

        /** A fresh state that takes back all that is stored is as the state was at the barrier. */
        private void checkSnapshot(Map<Name, Known> expected) throws Exception {
            Set<SectionKey> startedAnew = new HashSet<>();
            for (Section section : written) {
                if (section.isBase() && startedAnew.add(section.key())) {
                    stored.remove(section.key());
                }
                stored.computeIfAbsent(section.key(), key -> new ArrayList<>()).add(section);
            }
            written.clear();
            MemoryBudget fresh = budget();
            try (StateUnderTest restored = new StateUnderTest(kind, fresh)) {
                for (List<Section> sections : stored.values()) {
                    for (Section section : sections) {
                        restored.restore(section);
                    }
                }
                if (!kind.isGrouped()) {
                    requireEqual(restored.walk(true, random), Map.of()); // nothing has changed since
                }
                if (store == null) {
                    requireEqual(entries(restored), expected);
                }
                requireFound(restored, expected);
                if (kind == Kind.LISTS) {
                    expected.keySet().stream().map(Name::key).distinct().forEach(key -> assertThat(restored.names(key))
                            .isEqualTo(expected.keySet().stream()
                                    .filter(name -> name.key().equals(key))
                                    .toList()));
                }
            }
            assertThat(fresh.usedBytes()).isZero();
        }

        /** Says only what differs, and not all of it: states are large. */
        private static void requireEqual(Map<Name, ?> actual, Map<Name, ?> expected) {
            List<String> differences = new ArrayList<>();
            Set<Name> names = new HashSet<>(expected.keySet());
            names.addAll(actual.keySet());
            for (Name name : names) {
                if (!Objects.equals(actual.get(name), expected.get(name)) && differences.size() < 5) {
                    differences.add("%.20s/%.20s: is %.99s, expected %.99s"
                            .formatted(name.key(), name.subKey(), actual.get(name), expected.get(name)));
                }
            }
            assertThat(differences).isEmpty();
        }

        private Map<Name, Known> entries(StateUnderTest of) {
            Map<Name, Known> entries = new HashMap<>();
            of.forEach((table, entry) -> {
                Known known = new Known(of.value(table, entry), table.expiryMicros(entry));
                assertThat(entries.put(of.name(table, entry), known)).isNull();
            });
            return entries;
        }

        private Name knownOrRandomName() {
            if (model.isEmpty() || random.nextInt(4) == 0) {
                return randomName();
            }
            int skip = random.nextInt(model.size());
            return model.keySet().stream().skip(skip).findFirst().orElseThrow();
        }

        private Name randomName() {
            int number = random.nextInt(keyRange);
            String key = number + "k".repeat(number * 31 % keyFill);
            return switch (kind) {
                case BYTES, VALUES, OBJECTS -> new Name(key, "");
                case GROUPS -> new Name(key, "s".repeat(random.nextInt(1 + Math.min(keyRange / 4, 60))));
                case LISTS -> new Name(key, nextNumber(key));
            };
        }

        /** The number behind the last of a list, or now and then one that is there. */
        private String nextNumber(String key) {
            long last = model.keySet().stream()
                    .filter(name -> name.key().equals(key))
                    .mapToLong(name -> Long.parseLong(name.subKey()))
                    .max()
                    .orElse(-1);
            return Long.toString(last >= 0 && random.nextInt(3) == 0 ? last : last + 1);
        }

        private String randomValue() {
            if (kind == Kind.BYTES) {
                return "%024d".formatted(random.nextInt(1 << 30));
            }
            return random.nextInt(8) == 0 ? "" : random.nextInt() + "v".repeat(random.nextInt(valueFill));
        }

        private long randomExpiry() {
            return random.nextInt(4) == 0 ? EntryTable.NEVER : watermarkMicros + 1 + random.nextInt(expiryRange);
        }
    }
}
