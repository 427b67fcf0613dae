package dev.millrace.engine.harness;

import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.snapshot.FrozenState;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SectionEntry;
import dev.millrace.engine.snapshot.SectionKey;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** The snapshots of one operator after another, as a manifest would name them: taken and given back by hand. */
public final class Snapshots {
    private static final OperatorId ID = new OperatorId(0, 0);

    /** What a snapshot puts, to look at. */
    public record Put(SectionKey section, RowView key, RowView value, long expiryMicros) {}

    private final Map<SectionKey, List<Section>> stored = new LinkedHashMap<>();

    /** The first snapshot of an operator. */
    public static List<Section> of(Operator operator) throws Exception {
        Snapshots snapshots = new Snapshots();
        snapshots.take(operator);
        return snapshots.sections();
    }

    /** Takes a snapshot of an operator that was fresh, or restored from this. */
    public void take(Operator operator) throws Exception {
        FrozenState frozen = operator.freeze(ID);
        List<Section> written = new ArrayList<>();
        while (frozen != null && !frozen.write(100, written::add)) {
            continue;
        }
        Set<SectionKey> startedAnew = new HashSet<>();
        for (Section section : written) {
            if (section.isBase() && startedAnew.add(section.key())) {
                stored.remove(section.key());
            }
            stored.computeIfAbsent(section.key(), key -> new ArrayList<>()).add(section);
        }
    }

    /** The sections to take back, in their order. */
    public List<Section> sections() {
        return stored.values().stream().flatMap(List::stream).toList();
    }

    /** The sections in another order that must not matter: of the key groups, and of the entries of a base. */
    public List<Section> shuffled(Random random) throws Exception {
        List<List<Section>> chains = new ArrayList<>(stored.values());
        Collections.shuffle(chains, random);
        List<Section> shuffled = new ArrayList<>();
        for (List<Section> chain : chains) {
            for (Section section : chain) {
                shuffled.addAll(section.isBase() ? shuffledEntries(section, random) : List.of(section));
            }
        }
        return shuffled;
    }

    private static List<Section> shuffledEntries(Section base, Random random) throws Exception {
        List<Section> shuffled = new ArrayList<>();
        base.read(entry -> {
            Section single = new Section(base.key()).markBase();
            single.put(entry.key(), entry.subKeySizeBytes(), entry.value(), entry.expiryMicros());
            shuffled.add(single);
        });
        Collections.shuffle(shuffled, random);
        return shuffled;
    }

    public static void restore(Operator operator, List<Section> sections) throws Exception {
        for (Section section : sections) {
            operator.restore(section);
        }
        operator.restored();
    }

    /** What is there once sections were taken back in their order. */
    public static Collection<Put> puts(List<Section> sections) throws Exception {
        Map<List<Object>, Put> puts = new LinkedHashMap<>();
        for (Section section : sections) {
            section.read(entry -> {
                List<Object> name =
                        List.of(section.key(), ByteBuffer.wrap(entry.key().toBytes()));
                switch (entry.kind()) {
                    case PUT ->
                        puts.put(
                                section.key().isOfTask() ? List.of(puts.size()) : name,
                                new Put(section.key(), copy(entry.key()), copy(entry.value()), entry.expiryMicros()));
                    case REMOVED -> puts.remove(name);
                    case EXPIRED -> puts.values().removeIf(put -> isExpired(put, section.key(), entry));
                }
            });
        }
        return puts.values();
    }

    private static boolean isExpired(Put put, SectionKey key, SectionEntry expired) {
        return put.section().equals(key) && put.expiryMicros() <= expired.expiryMicros();
    }

    private static RowView copy(RowView view) {
        return new RowView().pointTo(view.toBytes(), 0, view.sizeBytes());
    }
}
