package dev.millrace.engine.network;

import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.exchange.Waker;
import dev.millrace.engine.stream.Item;

/**
 * Takes what a task here puts into its channel and sends it, as far as the other end has room for it.
 *
 * <p>Bounds: {@link Channel#CAPACITY} items that the consuming task has not taken. Thread: the event loop,
 * on which it is the channel's consumer.
 */
final class SendingEnd extends LinkEnd {
    private final int id;
    private final Channel channel;
    private int credits = Channel.CAPACITY;

    SendingEnd(PeerLink link, int id, Waker producer) {
        super(link);
        this.id = id;
        this.channel = new Channel(producer, this);
    }

    Channel channel() {
        return channel;
    }

    @Override
    void advance(FrameWriter writer) {
        while (credits > 0) {
            if (!writer.mayWrite()) {
                wake(); // others had their turn by the time the connection takes more
                return;
            }
            Item item = channel.poll();
            if (item == null) {
                return;
            }
            credits--;
            if (item instanceof Item.Rows rows) {
                writer.rows(id, rows.page());
                channel.recycle(rows.page());
            } else {
                writer.mark(id, item);
            }
        }
    }

    /** The consuming task has taken items. */
    void credit(int items) {
        if (items < 1 || items > Channel.CAPACITY - credits) {
            throw Frames.malformed("credit of %d items on channel=%d, which has %d".formatted(items, id, credits));
        }
        credits += items;
        wake();
    }
}
