package dev.millrace.engine.graph;

import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.exchange.Waker;
import dev.millrace.engine.stream.Item;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A channel between tasks of two workers: its two real halves, and what the network between them is to be.
 *
 * <p>Thread: one.
 */
final class ScaleWire implements Waker {
    private @Nullable ScaleWorker from;
    private @Nullable ScaleWorker to;
    private @Nullable Channel near;
    private @Nullable Channel far;
    private long lastArrivalNanos;
    private boolean isReady;

    Channel sending(ScaleWorker worker, Waker producer) {
        from = worker;
        near = new Channel(producer, this);
        return near;
    }

    Channel receiving(ScaleWorker worker, Waker consumer) {
        to = worker;
        far = new Channel(() -> {}, consumer);
        return far;
    }

    /** The producing task has put something in. */
    @Override
    public void wake() {
        if (!isReady) {
            isReady = true;
            Objects.requireNonNull(from).ready(this);
        }
    }

    /** Sends all that is there; the event loop of the sending worker has come to this channel. */
    void send(ScaleRun run) {
        isReady = false;
        Channel sending = Objects.requireNonNull(near);
        ScaleWorker receiver = Objects.requireNonNull(to);
        for (Item item = sending.poll(); item != null; item = sending.poll()) {
            Item sent = item;
            run.sent(sent);
            long arrivalNanos = Objects.requireNonNull(from).frameSentNanos() + run.underWayNanos();
            lastArrivalNanos = Math.max(lastArrivalNanos, arrivalNanos); // a connection keeps the order
            run.time().at(lastArrivalNanos, () -> receiver.arrived(this, sent));
        }
    }

    /** The receiving worker's event loop gives an item to the consuming task. */
    void deliver(Item item) {
        if (!Objects.requireNonNull(far).offer(item)) {
            throw new AssertionError("an item came beyond the channel's credit");
        }
    }
}
