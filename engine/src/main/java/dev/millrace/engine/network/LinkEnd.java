package dev.millrace.engine.network;

import dev.millrace.engine.exchange.Waker;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The end of one channel at its connection: woken by the channel when there is something to do, and then
 * called on the connection's event loop.
 */
abstract class LinkEnd implements Waker {
    private final PeerLink link;
    private final AtomicBoolean isQueued = new AtomicBoolean();

    LinkEnd(PeerLink link) {
        this.link = link;
    }

    @Override
    public final void wake() {
        if (!isQueued.get() && isQueued.compareAndSet(false, true)) {
            link.enqueue(this);
        }
    }

    /** Does what there is to do; whoever wakes it from now on has it called again. Thread: the event loop. */
    final void takeTurn(FrameWriter writer) {
        isQueued.set(false);
        advance(writer);
    }

    /** Thread: the event loop. */
    abstract void advance(FrameWriter writer);
}
