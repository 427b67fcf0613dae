package dev.millrace.engine.task;

/** Which task of which stage. */
public record TaskPlace(int stageId, String stageName, int taskIndex) {
    /** For thread names and errors, such as {@code stage 1 (Aggregate) task 0}. */
    public String name() {
        return "stage %d (%s) task %d".formatted(stageId, stageName, taskIndex);
    }
}
