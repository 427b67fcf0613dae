package dev.millrace.engine.task;

import dev.millrace.engine.snapshot.Section;

/**
 * Where tasks put what they write of their state as of the barrier of an epoch, piece by piece.
 *
 * <p>Thread: any.
 */
public interface SnapshotInbox {
    /** Whether tasks may go on writing; where they may not, they are woken once there is room. */
    boolean hasRoom();

    /** Takes a piece; also without room, of what a task had to save. */
    void add(long epoch, Section section);

    /** Says that a task has put all of its state; each task with a chain does so once per epoch. */
    void taskWritten(long epoch);
}
