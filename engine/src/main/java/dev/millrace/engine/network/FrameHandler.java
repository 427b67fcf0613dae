package dev.millrace.engine.network;

import dev.millrace.engine.page.Page;
import dev.millrace.engine.stream.Item;

/**
 * Takes the frames that come in, one by one, in their order.
 *
 * <p>Thread: the connection's event loop. Errors: CONNECTION_FAILED for a frame that must not come here or now.
 */
interface FrameHandler {
    /** An empty page for the rows that are coming in on a channel. */
    Page pageFor(int channel);

    /** The page of {@link #pageFor} is full. Its {@code oldestReadNanos} are by the sender's clock. */
    void rows(int channel, PageHeader header, Page page, int recordsBytes);

    void mark(int channel, Item mark);

    void credit(int channel, int items);

    void ping(long nanos);

    void pong(long askedNanos, long peerNanos);

    void welcome();

    void refused(String why);

    /** What a page has beside its records; the time is by the sender's clock. */
    record PageHeader(int inputPartition, int rowCount, long oldestReadNanos) {}
}
