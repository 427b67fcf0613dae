package dev.millrace.engine.snapshot;

import java.io.Serializable;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Where a query's state is as of one barrier: for every section the files that hold it, a base first
 * and then the deltas in order; and what the query must be like to take them back. Immutable.
 *
 * @param keyGroupCount key groups of the query
 * @param operators for each operator with state, what it is; a query that continues must have the same
 * @param files for each section, its files
 */
public record StateIndex(
        int keyGroupCount, Map<OperatorId, StatefulOperator> operators, Map<SectionKey, List<String>> files)
        implements Serializable {
    public StateIndex {
        operators = Collections.unmodifiableMap(new TreeMap<>(operators));
        files = Collections.unmodifiableMap(new TreeMap<>(files));
    }

    /** The index before a query's first epoch, and for good where it keeps no state. */
    public static StateIndex empty(int keyGroupCount, Map<OperatorId, StatefulOperator> operators) {
        return new StateIndex(keyGroupCount, operators, Map.of());
    }

    /** The index of the next epoch, to which each worker adds one snapshot. */
    public StateIndex with(List<StoredSnapshot> snapshots) {
        Map<SectionKey, List<String>> next = new LinkedHashMap<>(files);
        // Sets, and lists only at the end: what tasks keep for themselves is one section with a file of each worker.
        Map<SectionKey, Set<String>> changed = new LinkedHashMap<>();
        Set<SectionKey> startedAnew = new HashSet<>();
        for (StoredSnapshot snapshot : snapshots) {
            for (SnapshotFile.Entry entry : snapshot.index()) {
                SectionKey key = entry.key();
                // A base may come as several sections, one behind the other or of several tasks, all of this epoch.
                if (entry.base() && startedAnew.add(key)) {
                    next.remove(key);
                    changed.remove(key);
                }
                if (entry.rawBytes() == 0) {
                    continue; // so a key group without entries keeps no file alive
                }
                changed.computeIfAbsent(key, absent -> new LinkedHashSet<>(next.getOrDefault(key, List.of())))
                        .add(snapshot.file());
            }
        }
        changed.forEach((key, chain) -> next.put(key, List.copyOf(chain)));
        return new StateIndex(keyGroupCount, operators, next);
    }

    /** All files that hold this state. */
    public Set<String> allFiles() {
        Set<String> all = new TreeSet<>();
        files.values().forEach(all::addAll);
        return all;
    }
}
