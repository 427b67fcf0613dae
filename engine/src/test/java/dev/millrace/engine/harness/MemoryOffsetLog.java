package dev.millrace.engine.harness;

import dev.millrace.engine.epoch.OffsetLog;
import java.util.Arrays;
import java.util.NavigableMap;
import java.util.Optional;

/** An offset log in a map of the test's, which may also put there what another engine planned. */
public class MemoryOffsetLog implements OffsetLog {
    private final NavigableMap<Long, byte[]> entries;

    public MemoryOffsetLog(NavigableMap<Long, byte[]> entries) {
        this.entries = entries;
    }

    @Override
    public long last() {
        return entries.isEmpty() ? -1 : entries.lastKey();
    }

    @Override
    public Optional<byte[]> entry(long epoch) {
        return Optional.ofNullable(entries.get(epoch));
    }

    @Override
    public Standing standing(long epoch, byte[] entry) {
        byte[] there = entries.get(epoch);
        return there == null ? Standing.ABSENT : Arrays.equals(there, entry) ? Standing.SAME : Standing.OTHER;
    }

    @Override
    public boolean add(long epoch, byte[] entry) {
        return entries.putIfAbsent(epoch, entry) == null;
    }

    @Override
    public void removeBehind(long epoch) {
        entries.tailMap(epoch, false).clear();
    }
}
