package dev.millrace.engine.task;

import dev.millrace.engine.snapshot.Section;
import java.util.List;

/**
 * Where tasks put what they wrote of their state for an epoch; each task with a chain once per epoch.
 *
 * <p>Thread: any.
 */
@FunctionalInterface
public interface SnapshotInbox {
    void add(long epoch, List<Section> sections);
}
