package dev.millrace.engine.network;

import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.exchange.Waker;

/**
 * The near halves of the channels between this worker and one other, whatever carries items from half to half.
 *
 * <p>Thread: whoever builds the worker's part, before anything is carried.
 */
public interface ChannelEnds {
    /**
     * The near half of a channel to a task of the other worker.
     *
     * @param id the channel's number, the same at both ends and of no other channel in this direction
     */
    Channel sending(int id, Waker producer);

    /** The near half of a channel from a task of the other worker; see {@link #sending}. */
    Channel receiving(int id, Waker consumer);
}
