package dev.millrace.engine.harness;

import dev.millrace.engine.epoch.OffsetLog;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.NavigableMap;
import java.util.Optional;

/** An offset log in a map of the test's, which may also put there what another engine planned. */
public class MemoryOffsetLog implements OffsetLog {
    private static final String OF_STOCK = "stock";

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

    /** Those are that begin with {@value #OF_STOCK}. */
    @Override
    public boolean isOfAnotherEngine(byte[] entry) {
        return new String(entry, StandardCharsets.UTF_8).startsWith(OF_STOCK);
    }

    @Override
    public void replace(long epoch, byte[] entry) throws IOException {
        entries.put(epoch, entry);
    }

    @Override
    public boolean add(long epoch, byte[] entry) throws IOException {
        return entries.putIfAbsent(epoch, entry) == null;
    }

    @Override
    public void removeBehind(long epoch) throws IOException {
        entries.tailMap(epoch, false).clear();
    }
}
