package dev.millrace.engine.task;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.exchange.Waker;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SnapshotFileWriter;
import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Stores what a worker's tasks write of their state, one file per epoch, each piece as it comes. Storage may
 * block, so it has a loop of its own.
 *
 * <p>Thread: its loop, but for the methods of {@link SnapshotInbox}. Bounds: {@link #ROOM_BYTES} wait to be
 * stored, and what tasks had to save beyond that, because a row was about to change it; one epoch at a time, for
 * the coordinator asks for the next barrier only when the state of the one before is stored.
 */
public final class SnapshotTask implements Step, SnapshotInbox {
    static final long ROOM_BYTES = 4 << 20;

    /** @param section a piece, or null where the task has put all */
    private record Arrival(long epoch, @Nullable Section section) {}

    /** The file of an epoch that is being written. */
    private static final class OpenFile {
        final long epoch;
        final String name;
        final SnapshotFileWriter writer;
        int tasksWritten;

        OpenFile(long epoch, String name, SnapshotFileWriter writer) {
            this.epoch = epoch;
            this.name = name;
            this.writer = writer;
        }
    }

    private final SnapshotStorage storage;
    private final String attempt;
    private final int taskCount;
    private final List<? extends Waker> tasks;
    private final TaskReports reports;
    private final Waker self;
    private final ConcurrentLinkedQueue<Arrival> arrived = new ConcurrentLinkedQueue<>();
    private final AtomicLong waitingBytes = new AtomicLong();
    private volatile boolean refused;
    private @Nullable OpenFile open;

    /**
     * @param attempt tells this run's files from those of any other run of the query
     * @param taskCount tasks that write for every epoch
     * @param tasks wakes the loops that these are on
     */
    public SnapshotTask(
            SnapshotStorage storage,
            String attempt,
            int taskCount,
            List<? extends Waker> tasks,
            TaskReports reports,
            Waker self) {
        this.storage = storage;
        this.attempt = attempt;
        this.taskCount = taskCount;
        this.tasks = List.copyOf(tasks);
        this.reports = reports;
        this.self = self;
    }

    @Override
    public boolean hasRoom() {
        if (waitingBytes.get() < ROOM_BYTES) {
            return true;
        }
        // Said before looking once more, lest what makes room just now wake nobody.
        refused = true;
        return waitingBytes.get() < ROOM_BYTES;
    }

    @Override
    public void add(long epoch, Section section) {
        waitingBytes.addAndGet(section.sizeBytes());
        arrive(new Arrival(epoch, section));
    }

    @Override
    public void taskWritten(long epoch) {
        arrive(new Arrival(epoch, null));
    }

    private void arrive(Arrival arrival) {
        arrived.add(arrival);
        self.wake();
    }

    @Override
    public String name() {
        return "snapshots";
    }

    @Override
    public void open() {}

    @Override
    public boolean step() throws Exception {
        Arrival arrival = arrived.poll();
        if (arrival == null) {
            return false;
        }
        OpenFile file = fileOf(arrival.epoch());
        Section section = arrival.section();
        if (section != null) {
            file.writer.append(section);
            makeRoom(section.sizeBytes());
        } else if (++file.tasksWritten == taskCount) {
            finish(file);
        }
        return true;
    }

    private OpenFile fileOf(long epoch) throws Exception {
        OpenFile file = open;
        if (file == null) {
            String name = StoredSnapshot.fileName(epoch, attempt);
            file = new OpenFile(epoch, name, new SnapshotFileWriter(storage, name));
            open = file;
        } else if (file.epoch != epoch) {
            throw new MillraceException(
                    ErrorCode.INVARIANT,
                    "Cannot store a snapshot: epoch=%d came while epoch=%d is being written. Please report this."
                            .formatted(epoch, file.epoch));
        }
        return file;
    }

    private void makeRoom(int sizeBytes) {
        boolean hasRoom = waitingBytes.addAndGet(-sizeBytes) < ROOM_BYTES;
        if (hasRoom && refused) {
            refused = false;
            tasks.forEach(Waker::wake);
        }
    }

    private void finish(OpenFile file) throws Exception {
        StoredSnapshot stored = new StoredSnapshot(file.name, file.writer.finish());
        open = null;
        file.writer.close();
        storage.stored(stored);
        reports.snapshotStored(file.epoch, stored);
    }

    /** Gives up what is not stored. */
    @Override
    public void close() throws Exception {
        OpenFile file = open;
        if (file != null) {
            open = null;
            file.writer.close();
        }
    }
}
