package dev.millrace.engine.operator;

import dev.millrace.engine.page.Side;

/** Which rows a join gives. */
public enum JoinType {
    INNER,
    LEFT_OUTER,
    RIGHT_OUTER,
    FULL_OUTER,
    /** The rows of the left side that have a match, each once. */
    LEFT_SEMI;

    /** Whether a row of this side is given, with nulls beside it, once it cannot find a match any more. */
    public boolean keepsUnmatched(Side side) {
        return this == FULL_OUTER || this == (side == Side.LEFT ? LEFT_OUTER : RIGHT_OUTER);
    }
}
