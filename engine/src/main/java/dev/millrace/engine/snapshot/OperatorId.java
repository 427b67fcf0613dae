package dev.millrace.engine.snapshot;

import java.io.Serializable;

/** Which operator of the graph a piece of state belongs to; the same in every run of the same query. */
public record OperatorId(int stageId, int operatorIndex) implements Comparable<OperatorId>, Serializable {
    @Override
    public int compareTo(OperatorId other) {
        int byStage = Integer.compare(stageId, other.stageId);
        return byStage != 0 ? byStage : Integer.compare(operatorIndex, other.operatorIndex);
    }

    @Override
    public String toString() {
        return stageId + "." + operatorIndex;
    }
}
