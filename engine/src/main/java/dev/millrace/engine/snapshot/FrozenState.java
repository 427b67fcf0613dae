package dev.millrace.engine.snapshot;

import java.util.List;

/**
 * An operator's state as of a barrier, written out in slices while the operator goes on.
 *
 * <p>Thread: the owning task, between calls of the operator.
 */
public interface FrozenState {
    /** Writes about so many bytes; true when all is written. */
    boolean write(int sizeBytes) throws Exception;

    /** What was written, once it is all. Sections without entries are left out. */
    List<Section> sections();

    /** State that was small enough to be written at once. */
    static FrozenState of(Section section) {
        return new FrozenState() {
            @Override
            public boolean write(int sizeBytes) {
                return true;
            }

            @Override
            public List<Section> sections() {
                return List.of(section);
            }
        };
    }
}
