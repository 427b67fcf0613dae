package dev.millrace.engine.snapshot;

import java.util.List;
import java.util.function.Consumer;

/**
 * An operator's state as of a barrier, written out in slices while the operator goes on.
 *
 * <p>Thread: the owning task, between calls of the operator.
 */
public interface FrozenState {
    /**
     * Writes about so many bytes, and hands over each section that is full or complete. True when all
     * is written and handed over.
     */
    boolean write(int sizeBytes, Consumer<Section> sections) throws Exception;

    /** State that was small enough to be written at once. */
    static FrozenState of(Section section) {
        return (sizeBytes, sections) -> {
            sections.accept(section);
            return true;
        };
    }

    /** Several states of one operator, written one after the other. */
    static FrozenState all(List<FrozenState> states) {
        return new FrozenState() {
            private int writing;

            @Override
            public boolean write(int sizeBytes, Consumer<Section> sections) throws Exception {
                if (writing < states.size() && states.get(writing).write(sizeBytes, sections)) {
                    writing++;
                }
                return writing >= states.size();
            }
        };
    }
}
