package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.epoch.CommitLog;
import dev.millrace.engine.epoch.CommitProtocol;
import dev.millrace.engine.epoch.ManifestLog;
import dev.millrace.engine.epoch.SinkCommit;
import dev.millrace.engine.harness.MemoryOffsetLog;
import dev.millrace.engine.harness.MemoryStorage;
import dev.millrace.engine.harness.MemoryStorage.Watcher;
import dev.millrace.engine.snapshot.StateIndex;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;

/** What outlives a process: storage, the logs of offsets and commits, the sink. */
final class SimulatedCheckpoint {
    final MemoryStorage storage;
    final SimulatedSink sink;
    private final SimulatedQuery query;
    private final Watcher watcher;
    private final TreeMap<Long, byte[]> offsets = new TreeMap<>();
    private final List<Runnable> late = new ArrayList<>();
    private long lastCommitted = -1;

    /** @param watcher told of every change that a query's own thread makes; may throw */
    SimulatedCheckpoint(SimulatedQuery query, MemoryStorage storage, SimulatedSink sink, Watcher watcher) {
        this.query = query;
        this.storage = storage;
        this.sink = sink;
        this.watcher = watcher;
    }

    /** The real protocol over this checkpoint. */
    CommitProtocol protocol(String run, SinkCommit ofProcess) {
        return new CommitProtocol(new ManifestLog(storage), new Offsets(), new Commits(), ofProcess, run);
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

    /** Lets a write come about that its writer has given up, or lets it be lost for good. */
    void land(Random random) {
        if (!storage.late().isEmpty() && random.nextBoolean()) {
            List<String> names = List.copyOf(storage.late().keySet());
            storage.land(names.get(random.nextInt(names.size())));
        }
        if (!late.isEmpty() && random.nextBoolean()) {
            late.remove(random.nextInt(late.size())).run();
        }
    }

    /** A log's entry is written, without looking again: what stands there is overwritten. */
    private void write(Runnable entry) throws IOException {
        watcher.before();
        if (watcher.isLate()) {
            late.add(entry);
            throw new IOException("No answer whether an entry of a log was written.");
        }
        entry.run();
        watcher.after();
    }

    private final class Offsets extends MemoryOffsetLog {
        Offsets() {
            super(offsets);
        }

        @Override
        public long last() {
            long last = super.last();
            watcher.between();
            return last;
        }

        @Override
        public boolean add(long epoch, byte[] entry) throws IOException {
            if (offsets.containsKey(epoch)) {
                return false;
            }
            write(() -> offsets.put(epoch, entry));
            return true;
        }

        @Override
        public void replace(long epoch, byte[] entry) {
            throw new AssertionError("Nobody planned another end of epoch " + epoch);
        }

        @Override
        public void removeBehind(long epoch) {
            throw new AssertionError("No other engine planned anything, but epochs behind " + epoch + " are removed");
        }
    }

    private final class Commits implements CommitLog {
        @Override
        public long last() {
            long last = lastCommitted;
            watcher.between();
            return last;
        }

        @Override
        public void add(long epoch, long watermarkMillis) throws IOException {
            assertThat(epoch).isLessThanOrEqualTo(lastCommitted + 1);
            assertThat(offsets).containsKey(epoch);
            write(() -> lastCommitted = Math.max(lastCommitted, epoch));
        }
    }
}
