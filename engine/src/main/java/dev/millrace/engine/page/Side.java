package dev.millrace.engine.page;

/** By which input rows come to an operator that has two. Where there is only one, it is the left one. */
public enum Side {
    LEFT,
    RIGHT;

    public Side other() {
        return this == LEFT ? RIGHT : LEFT;
    }
}
