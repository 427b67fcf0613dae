package dev.millrace.engine.graph;

import dev.millrace.engine.operator.PortionEventTimes;
import dev.millrace.engine.source.PortionInbox;
import dev.millrace.engine.source.PortionTarget;

/** What one worker has of a source that is read in portions. Thread: any. */
record PortionedStage(PortionInbox readers, PortionEventTimes tasks) implements PortionTarget {
    @Override
    public void portion(Object share) {
        readers.portion(share);
    }

    @Override
    public void endEpoch(long epoch, long portion) {
        readers.endEpoch(epoch, portion);
    }

    @Override
    public void settled(long portion, long reachedMicros) {
        tasks.settled(portion, reachedMicros);
    }
}
