package dev.millrace.engine.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.epoch.Ballot;
import dev.millrace.engine.epoch.SinkCommit;
import dev.millrace.engine.harness.MemoryStorage.Watcher;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.page.RowView;
import dev.millrace.engine.sink.PlannedSink;
import dev.millrace.engine.sink.SinkWriter;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A sink outside of all processes, of one of two kinds. A transactional one keeps what its writers
 * prepared, under the ballot of their attempt, until it is committed or given up. Whoever gives up does so for all lower
 * ballots, and of their writers those are fenced that have prepared anything by then; one transaction after the other is
 * committed, and that may be cut short. The other kind keeps what was
 * prepared as files, gives up those that it found, takes an epoch whole, and drops epochs whose number it has seen.
 */
final class SimulatedSink {
    /** A writer of an older attempt wants to prepare under a name that was fenced. */
    static final class WriterFenced extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private final boolean transactional;
    private final Watcher watcher;
    private final Map<Long, List<byte[]>> prepared = new HashMap<>();
    private final Map<Long, Ballot> ballots = new HashMap<>();
    private final Set<OfProcess.Writer> writers = new HashSet<>();
    private final Set<Long> committedTransactions = new HashSet<>();
    private final Map<Long, byte[]> messagesOfEpochs = new HashMap<>();
    private final TreeMap<Long, List<byte[]>> committed = new TreeMap<>();
    private long nextTransaction;

    SimulatedSink(boolean transactional, Watcher watcher) {
        this.transactional = transactional;
        this.watcher = watcher;
    }

    /** What readers of the sink see, by epoch. */
    TreeMap<Long, List<byte[]>> committed() {
        return committed;
    }

    /** The messages of an epoch's writers as bytes. */
    static byte[] pack(Map<Integer, List<@Nullable Object>> messages) {
        List<@Nullable Object> all = new ArrayList<>();
        new TreeMap<>(messages).values().forEach(all::addAll);
        ByteBuffer bytes = ByteBuffer.allocate(all.size() * Long.BYTES);
        all.forEach(transaction -> bytes.putLong((long) transaction));
        return bytes.array();
    }

    private void commit(long epoch, byte[] messages) {
        byte[] before = messagesOfEpochs.putIfAbsent(epoch, messages);
        assertThat(messages).as("messages of epoch %d", epoch).isEqualTo(before == null ? messages : before);
        watcher.before();
        if (transactional) {
            commitTransactions(epoch, ByteBuffer.wrap(messages));
        } else if (committed.isEmpty() || epoch > committed.lastKey()) {
            committed.put(epoch, rowsOf(ByteBuffer.wrap(messages)));
        }
        watcher.after();
    }

    private void commitTransactions(long epoch, ByteBuffer transactions) {
        while (transactions.hasRemaining()) {
            long transaction = transactions.getLong();
            if (committedTransactions.add(transaction)) {
                List<byte[]> rows = prepared.remove(transaction);
                assertThat(rows)
                        .as("transaction %d of decided epoch %d was given up", transaction, epoch)
                        .isNotNull();
                committed.computeIfAbsent(epoch, made -> new ArrayList<>()).addAll(rows);
                watcher.after();
            }
        }
    }

    private List<byte[]> rowsOf(ByteBuffer transactions) {
        List<byte[]> rows = new ArrayList<>();
        while (transactions.hasRemaining()) {
            long given = transactions.getLong();
            rows.addAll(Objects.requireNonNull(prepared.get(given), () -> given + " was given up and is decided"));
        }
        return rows;
    }

    private void giveUp(Predicate<Long> transactions) {
        watcher.before();
        prepared.keySet().removeIf(transactions);
        watcher.after();
    }

    private boolean isBelow(long transaction, Ballot ballot) {
        return Objects.requireNonNull(ballots.get(transaction)).compareTo(ballot) < 0;
    }

    /** The sink as one process has it. */
    final class OfProcess implements PlannedSink, SinkCommit {
        private Ballot ballot = Ballot.LOWEST;

        @Override
        public void commit(long epoch, byte[] messages) {
            SimulatedSink.this.commit(epoch, messages);
        }

        @Override
        public Runnable unfinished(long firstEpoch, Ballot mine) {
            ballot = mine;
            List<Long> found = List.copyOf(prepared.keySet());
            return () -> {
                if (transactional) {
                    giveUp(transaction -> isBelow(transaction, mine));
                    writers.forEach(writer -> writer.fenceBelow(mine));
                } else {
                    giveUp(found::contains);
                }
            };
        }

        @Override
        public String name() {
            return "simulated";
        }

        @Override
        public SinkWriter writer(int taskIndex, int taskCount) {
            return new Writer(ballot);
        }

        private final class Writer implements SinkWriter {
            private final Ballot writersBallot;
            private final RowView row = new RowView();
            private List<byte[]> uncommitted = new ArrayList<>();
            private boolean fenced;

            Writer(Ballot ballot) {
                writersBallot = ballot;
            }

            private void fenceBelow(Ballot other) {
                fenced |= writersBallot.compareTo(other) < 0;
            }

            @Override
            public void open(long epoch) {}

            @Override
            public void write(RowCursor rows) {
                for (; rows.hasRow(); rows.advance()) {
                    rows.row(row);
                    uncommitted.add(row.toBytes());
                }
            }

            @Override
            public Object prepare(long epoch) {
                if (fenced) {
                    throw new WriterFenced();
                }
                writers.add(this);
                long transaction = nextTransaction++;
                ballots.put(transaction, writersBallot);
                prepared.put(transaction, uncommitted);
                uncommitted = new ArrayList<>();
                return transaction;
            }
        }
    }

    /** The sink for one process more. */
    OfProcess ofProcess() {
        return new OfProcess();
    }
}
