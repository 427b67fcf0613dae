package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.epoch.CommitLog;
import dev.millrace.engine.epoch.CommitProtocol;
import dev.millrace.engine.epoch.ManifestLog;
import dev.millrace.engine.harness.MemoryOffsetLog;
import dev.millrace.engine.harness.MemoryStorage;
import dev.millrace.engine.harness.MemoryStorage.Watcher;
import dev.millrace.engine.snapshot.StateIndex;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.TreeMap;

/** What outlives a process: storage, the logs of offsets and commits, the sink. */
final class SimulatedCheckpoint {
    final MemoryStorage storage;
    final SimulatedSink sink;
    private final SimulatedQuery query;
    private final Watcher watcher;
    private final TreeMap<Long, byte[]> offsets = new TreeMap<>();
    private long lastCommitted = -1;

    /** @param watcher told of every change that a query's own thread makes; may throw */
    SimulatedCheckpoint(SimulatedQuery query, MemoryStorage storage, SimulatedSink sink, Watcher watcher) {
        this.query = query;
        this.storage = storage;
        this.sink = sink;
        this.watcher = watcher;
    }

    /** The real protocol over this checkpoint. */
    CommitProtocol protocol(String run) {
        return new CommitProtocol(new ManifestLog(storage), new Offsets(), new Commits(), sink, run);
    }

    long lastCommitted() {
        return lastCommitted;
    }

    /** The positions that the last committed epoch ended at. */
    long[] positions() {
        return positions(lastCommitted);
    }

    private long[] positions(long epoch) {
        return epoch < 0 ? new long[query.rowsOfPartition.length] : positionsOf(offsets.get(epoch));
    }

    /** The positions that the epoch ended at that a query goes on behind. */
    long[] positions(CommitProtocol.Found found) {
        return found.decided()
                .map(manifest -> positionsOf(manifest.offsets()))
                .orElseGet(() -> positions(found.committed()));
    }

    /** The state that a query goes on with. */
    StateIndex state(CommitProtocol.Found found) throws IOException {
        if (found.decided().isPresent()) {
            return found.decided().get().state();
        }
        return found.committed() < 0
                ? StateIndex.empty(SimulatedQuery.KEY_GROUPS, query.operators())
                : new ManifestLog(storage).require(found.committed()).state();
    }

    StateIndex committedState() throws IOException {
        return new ManifestLog(storage).require(lastCommitted).state();
    }

    static byte[] entry(long[] positions) {
        ByteBuffer bytes = ByteBuffer.allocate(positions.length * Long.BYTES);
        bytes.asLongBuffer().put(positions);
        return bytes.array();
    }

    private static long[] positionsOf(byte[] entry) {
        long[] positions = new long[entry.length / Long.BYTES];
        ByteBuffer.wrap(entry).asLongBuffer().get(positions);
        return positions;
    }

    private final class Offsets extends MemoryOffsetLog {
        Offsets() {
            super(offsets);
        }

        @Override
        public boolean add(long epoch, byte[] entry) {
            watcher.before();
            boolean added = super.add(epoch, entry);
            watcher.after();
            return added;
        }

        @Override
        public void removeBehind(long epoch) {
            throw new AssertionError("No other engine planned anything, but epochs behind " + epoch + " are removed");
        }
    }

    private final class Commits implements CommitLog {
        @Override
        public long last() {
            return lastCommitted;
        }

        @Override
        public void add(long epoch, long watermarkMillis) {
            watcher.before();
            assertThat(epoch).isLessThanOrEqualTo(lastCommitted + 1);
            assertThat(offsets).containsKey(epoch);
            lastCommitted = Math.max(lastCommitted, epoch);
            watcher.after();
        }
    }
}
