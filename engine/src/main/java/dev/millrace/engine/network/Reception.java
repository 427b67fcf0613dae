package dev.millrace.engine.network;

import io.netty.channel.ChannelHandler;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Where other workers' connections arrive at a worker: it knows whom it expects and lets in nobody else, and
 * each of them once.
 *
 * <p>Thread: any.
 */
public final class Reception {
    private final Map<Hello, PeerLink> expected = new ConcurrentHashMap<>();
    private final Consumer<String> refusals;

    /** @param refusals told who was not let in, and why; called on an event loop */
    public Reception(Consumer<String> refusals) {
        this.refusals = refusals;
    }

    /** Lets a link be connected to from now on. */
    public void expect(PeerLink link) {
        if (expected.putIfAbsent(link.hello(), link) != null) {
            throw new IllegalStateException("Cannot expect %s twice.".formatted(link.hello()));
        }
    }

    /** Ends what {@link #expect} began, if nobody has connected. */
    public void forget(PeerLink link) {
        expected.remove(link.hello(), link);
    }

    /** Who may connect once, and has. */
    @Nullable
    PeerLink admit(Hello hello) {
        return expected.remove(hello);
    }

    void refused(String whoAndWhy) {
        refusals.accept(whoAndWhy);
    }

    /** The last handler of a new connection, whose bytes are ours alone from here on. */
    public ChannelHandler greeting() {
        return new Greeting(this);
    }
}
