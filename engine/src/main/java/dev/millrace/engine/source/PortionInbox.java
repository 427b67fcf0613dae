package dev.millrace.engine.source;

import java.io.Serializable;

/**
 * What one worker's readers of a source take their portions from. It travels with them in the plan, when nothing is in
 * it, and in each worker it is one that all readers there share.
 *
 * <p>Thread: any; calls only queue and never block.
 */
public interface PortionInbox extends Serializable {
    /**
     * This worker's share of the next portion, which may be nothing.
     *
     * @param share as the driver's half of the source made it; {@link Serializable} too where it comes from another process
     */
    void portion(Object share);

    /**
     * An epoch is to end behind the portions so far.
     *
     * @param portion how many there are, which is the position of every reader then
     */
    void endEpoch(long epoch, long portion);
}
