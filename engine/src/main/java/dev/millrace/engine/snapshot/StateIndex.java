package dev.millrace.engine.snapshot;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
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
        int keyGroupCount, Map<OperatorId, StatefulOperator> operators, Map<SectionKey, List<String>> files) {
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
        Set<SectionKey> startedAnew = new TreeSet<>();
        for (StoredSnapshot snapshot : snapshots) {
            for (SnapshotFile.Entry entry : snapshot.index()) {
                // A base may come as several sections, one behind the other or of several tasks, all of this epoch.
                if (entry.base() && startedAnew.add(entry.key())) {
                    next.remove(entry.key());
                }
                if (entry.rawBytes() == 0) {
                    continue; // so a key group without entries keeps no file alive
                }
                List<String> chain = new ArrayList<>(next.getOrDefault(entry.key(), List.of()));
                if (!chain.contains(snapshot.file())) {
                    chain.add(snapshot.file());
                }
                next.put(entry.key(), List.copyOf(chain));
            }
        }
        return new StateIndex(keyGroupCount, operators, next);
    }

    /** All files that hold this state. */
    public Set<String> allFiles() {
        Set<String> all = new TreeSet<>();
        files.values().forEach(all::addAll);
        return all;
    }
}
