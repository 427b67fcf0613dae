package dev.millrace.engine.exchange;

/** Which task owns which key group: contiguous, nearly equal ranges in the order of the tasks. */
public final class KeyGroups {
    private KeyGroups() {}

    public static int owner(int keyGroup, int keyGroupCount, int taskCount) {
        return (int) ((long) keyGroup * taskCount / keyGroupCount);
    }
}
