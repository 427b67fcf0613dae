package dev.millrace.bench.cluster;

import java.util.List;
import java.util.OptionalLong;
import java.util.Set;

/**
 * One executor's loss, as seen from outside. Units: microseconds since 1970.
 *
 * @param startMicros when it was killed or frozen
 * @param detectedMicros when the driver counted its worker as lost, or heard that its connection broke
 * @param before lives that had answered by then: of tasks that ended with the loss
 * @param answers what arrived since, in order
 */
record Loss(long startMicros, long detectedMicros, Set<Long> before, List<Answer> answers) {
    /**
     * A row of the output.
     *
     * @param createdMicros when the last record was created that it counts
     * @param life of the task that made it
     */
    record Answer(long arrivedMicros, long createdMicros, long life) {}

    double detectionMillis() {
        return (detectedMicros - startMicros) / 1e3;
    }

    /** From the detection to the first row of a task that has taken the state over, whatever row it is. */
    OptionalLong firstRowMicros() {
        return since(Long.MIN_VALUE);
    }

    /** From the detection to the first such row that counts a record created behind the detection. */
    OptionalLong newRowMicros() {
        return since(detectedMicros);
    }

    private OptionalLong since(long createdMicros) {
        return answers.stream()
                .filter(answer -> !before.contains(answer.life()) && answer.createdMicros() > createdMicros)
                .mapToLong(answer -> answer.arrivedMicros() - detectedMicros)
                .findFirst();
    }
}
