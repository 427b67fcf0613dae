package dev.millrace.engine.snapshot;

import java.io.Serializable;

/**
 * The place of a section: one of an operator's states in one key group, or for {@link #TASK} what one
 * task of the operator keeps for itself.
 *
 * @param stateIndex which of the operator's states, from 0; an operator numbers them the same in every run
 */
public record SectionKey(OperatorId operator, int stateIndex, int keyGroup)
        implements Comparable<SectionKey>, Serializable {
    /** The key group of entries that belong to no key. */
    public static final int TASK = -1;

    /** The place of an operator's only state, or of its task. */
    public SectionKey(OperatorId operator, int keyGroup) {
        this(operator, 0, keyGroup);
    }

    /** Whether the section belongs to a task and to no key group; every task of the operator gets it back. */
    public boolean isOfTask() {
        return keyGroup == TASK;
    }

    @Override
    public int compareTo(SectionKey other) {
        int byOperator = operator.compareTo(other.operator);
        int byState = byOperator != 0 ? byOperator : Integer.compare(stateIndex, other.stateIndex);
        return byState != 0 ? byState : Integer.compare(keyGroup, other.keyGroup);
    }
}
