package dev.millrace.engine.task;

import dev.millrace.engine.exchange.Waker;
import dev.millrace.engine.snapshot.Section;
import dev.millrace.engine.snapshot.SnapshotFile;
import dev.millrace.engine.snapshot.SnapshotStorage;
import dev.millrace.engine.snapshot.StoredSnapshot;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * Gathers what a worker's tasks wrote of their state and stores one file per epoch. Storage may block,
 * so it has a loop of its own.
 *
 * <p>Thread: its loop, but for {@link #add}. Bounds: as many epochs as the coordinator lets be in
 * flight.
 */
public final class SnapshotTask implements Step, SnapshotInbox {
    private record Part(long epoch, List<Section> sections) {}

    private final SnapshotStorage storage;
    private final String attempt;
    private final int taskCount;
    private final TaskReports reports;
    private final Waker self;
    private final ConcurrentLinkedQueue<Part> arrived = new ConcurrentLinkedQueue<>();
    private final List<Part> waiting = new ArrayList<>();

    /**
     * @param attempt tells this run's files from those of any other run of the query
     * @param taskCount tasks that add a part for every epoch
     */
    public SnapshotTask(SnapshotStorage storage, String attempt, int taskCount, TaskReports reports, Waker self) {
        this.storage = storage;
        this.attempt = attempt;
        this.taskCount = taskCount;
        this.reports = reports;
        this.self = self;
    }

    @Override
    public void add(long epoch, List<Section> sections) {
        arrived.add(new Part(epoch, sections));
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
        Part part = arrived.poll();
        if (part == null) {
            return false;
        }
        waiting.add(part);
        List<Section> sections = sectionsOf(part.epoch());
        if (sections != null) {
            store(part.epoch(), sections);
        }
        return true;
    }

    /** The epoch's sections in the order of their keys, or null while a task's part is missing. */
    private @Nullable List<Section> sectionsOf(long epoch) {
        List<Part> parts =
                waiting.stream().filter(part -> part.epoch() == epoch).toList();
        if (parts.size() < taskCount) {
            return null;
        }
        waiting.removeAll(parts);
        return parts.stream()
                .flatMap(part -> part.sections().stream())
                .sorted(Comparator.comparing(Section::key))
                .toList();
    }

    private void store(long epoch, List<Section> sections) throws Exception {
        String name = "%s/%d-%s.snapshot".formatted(StoredSnapshot.FOLDER, epoch, attempt);
        reports.snapshotStored(epoch, new StoredSnapshot(name, SnapshotFile.write(storage, name, sections)));
    }

    @Override
    public void close() {}
}
