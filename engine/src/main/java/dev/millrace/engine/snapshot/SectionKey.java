package dev.millrace.engine.snapshot;

/**
 * The place of a section: one operator's state in one key group, or for {@link #TASK} what one task of
 * the operator keeps for itself.
 */
public record SectionKey(OperatorId operator, int keyGroup) implements Comparable<SectionKey> {
    /** The key group of entries that belong to no key. */
    public static final int TASK = -1;

    @Override
    public int compareTo(SectionKey other) {
        int byOperator = operator.compareTo(other.operator);
        return byOperator != 0 ? byOperator : Integer.compare(keyGroup, other.keyGroup);
    }
}
