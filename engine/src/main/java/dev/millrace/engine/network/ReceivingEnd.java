package dev.millrace.engine.network;

import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.exchange.Waker;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.stream.Item;

/**
 * Puts what comes in into the channel of a task here, and tells the other end when there is room again.
 *
 * <p>Thread: the event loop, on which it is the channel's producer.
 */
final class ReceivingEnd extends LinkEnd {
    /** Room is told of so many items at a time: the sender never runs out of it before, and fewer frames do. */
    private static final int GRANT = Channel.CAPACITY / 2;

    private final int id;
    private final Channel channel;
    private long granted;

    ReceivingEnd(PeerLink link, int id, Waker consumer) {
        super(link);
        this.id = id;
        this.channel = new Channel(this, consumer);
        channel.wakeProducerAt(GRANT);
    }

    Channel channel() {
        return channel;
    }

    Page emptyPage() {
        return channel.emptyPage();
    }

    void take(Item item) {
        if (!channel.offer(item)) {
            throw Frames.malformed("item on channel=%d beyond its credit".formatted(id));
        }
    }

    @Override
    void advance(FrameWriter writer) {
        long taken = channel.taken();
        int room = (int) (taken - granted);
        if (room >= GRANT) {
            writer.credit(id, room);
            granted = taken;
        }
        channel.wakeProducerAt(granted + GRANT);
    }
}
