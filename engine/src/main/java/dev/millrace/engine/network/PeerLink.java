package dev.millrace.engine.network;

import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.exchange.Channel;
import dev.millrace.engine.exchange.Waker;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.stream.Item;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.util.ReferenceCountUtil;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * All channels between the tasks of two workers in one life of a dataflow, over one connection. Each is two
 * {@link Channel}s with the wire between them: the producing task's one is emptied here as it fills, and the
 * consuming task's one is filled at the other end, so that no task can tell whether its neighbour is near or
 * far. A channel whose consumer is slow stops for want of credit and holds up no other.
 *
 * <p>Lifetime: its channels are made, then it becomes the last handler of a connection, whose bytes are ours
 * alone from there on: at once where this worker connects, by {@link Reception} where it is connected to.
 * Once it has failed or is closed it stays so.
 *
 * <p>Thread: the connection's event loop, but for what says any. Bounds: what the connection has not sent is
 * as much as Netty's water mark, and the pages of one turn of a channel.
 */
public final class PeerLink extends ChannelInboundHandlerAdapter implements ChannelEnds {
    /** Enough to keep a fast network busy, and little beside what the channels hold. */
    private static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(128 * 1024, 512 * 1024);

    private final Hello hello;
    private final boolean connects;
    private final LinkSettings settings;
    private final LinkListener listener;
    private final LongSupplier nanoClock;
    private final Map<Integer, SendingEnd> sending = new HashMap<>();
    private final Map<Integer, ReceivingEnd> receiving = new HashMap<>();
    private final FrameReader reader = new FrameReader();
    private final Incoming incoming = new Incoming();
    private final PeerClock peerClock = new PeerClock();

    /** The ends of channels that have something to do. */
    private final Queue<LinkEnd> ready = new ConcurrentLinkedQueue<>();

    private final AtomicBoolean isDrainScheduled = new AtomicBoolean();
    private @Nullable FrameWriter writer;
    private long lastHeardNanos;
    private volatile @Nullable ChannelHandlerContext context;
    private volatile boolean isOpen;
    private volatile boolean isOver;

    /** @param connects whether this is the worker that connects */
    public PeerLink(
            Hello hello, boolean connects, LinkSettings settings, LinkListener listener, LongSupplier nanoClock) {
        this.hello = hello;
        this.connects = connects;
        this.settings = settings;
        this.listener = listener;
        this.nanoClock = nanoClock;
    }

    public Hello hello() {
        return hello;
    }

    /** The number of the worker at the other end. */
    public int peer() {
        return connects ? hello.to() : hello.from();
    }

    @Override
    public Channel sending(int id, Waker producer) {
        SendingEnd end = new SendingEnd(this, id, producer);
        requireNew(sending.put(id, end), id);
        return end.channel();
    }

    @Override
    public Channel receiving(int id, Waker consumer) {
        ReceivingEnd end = new ReceivingEnd(this, id, consumer);
        requireNew(receiving.put(id, end), id);
        return end.channel();
    }

    private void requireNew(@Nullable LinkEnd before, int id) {
        if (before != null || context != null) {
            throw new IllegalStateException(
                    "Cannot add a channel: id=%d, known=%s, connected=%s. Give each a number of its own, before it connects."
                            .formatted(id, before != null, context != null));
        }
    }

    /** Ends the connection, if there is or will be one; the listener hears no more. Thread: any. */
    public void close() {
        isOver = true;
        ChannelHandlerContext current = context;
        if (current != null) {
            current.close();
        }
    }

    /** One of the channels has something to do. Thread: any. */
    void enqueue(LinkEnd end) {
        ready.add(end);
        ChannelHandlerContext current = context;
        if (isOpen && !isOver && current != null && isDrainScheduled.compareAndSet(false, true)) {
            current.executor().execute(this::drain);
        }
    }

    /** Gives each channel that is ready its turn, for as long as the connection takes more. */
    private void drain() {
        FrameWriter to = writer;
        if (to == null || isOver) {
            return;
        }
        isDrainScheduled.set(false);
        try {
            while (to.mayWrite()) {
                LinkEnd end = ready.poll();
                if (end == null) {
                    break;
                }
                end.takeTurn(to);
            }
            to.flush();
        } catch (Throwable t) {
            fail(String.valueOf(t.getMessage()), t); // nobody else would see it on an event loop
        }
        if (!to.mayWrite()) {
            isDrainScheduled.set(true); // channelWritabilityChanged goes on
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (isOpen && ctx.channel().isWritable()) {
            // Not here: this is called from within the flush that made it writable.
            ctx.executor().execute(this::drain);
        }
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        context = ctx;
        if (isOver) {
            ctx.close();
        } else if (ctx.channel().isActive()) {
            begin(ctx);
        }
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        if (writer == null && !isOver) {
            begin(ctx);
        }
    }

    private void begin(ChannelHandlerContext ctx) {
        FrameWriter to = new FrameWriter(ctx, settings.compresses());
        writer = to;
        lastHeardNanos = nanoClock.getAsLong();
        ctx.channel().config().setWriteBufferWaterMark(WATER_MARK);
        beat(ctx);
        if (connects) {
            to.hello(hello);
            to.flush();
        } else {
            to.welcome();
            open();
        }
    }

    private void open() {
        isOpen = true;
        writer().ping(nanoClock.getAsLong());
        listener.opened(this);
        drain();
    }

    /** Tells the other end that this one is there, and looks whether it is. */
    private void beat(ChannelHandlerContext ctx) {
        if (isOver) {
            return;
        }
        long now = nanoClock.getAsLong();
        long silentNanos = now - lastHeardNanos;
        if (silentNanos > settings.silenceLimitNanos()) {
            fail("it said nothing for %d ms".formatted(TimeUnit.NANOSECONDS.toMillis(silentNanos)), null);
            return;
        }
        if (isOpen) {
            writer().ping(now);
            writer().flush();
        }
        ctx.executor().schedule(() -> beat(ctx), settings.pingIntervalNanos(), TimeUnit.NANOSECONDS);
    }

    private FrameWriter writer() {
        return java.util.Objects.requireNonNull(writer, "a connection");
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        try {
            if (!isOver) {
                lastHeardNanos = nanoClock.getAsLong();
                reader.read((ByteBuf) message, incoming);
            }
        } catch (MillraceException e) {
            fail(String.valueOf(e.getMessage()), e);
        } finally {
            ReferenceCountUtil.release(message);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        FrameWriter to = writer;
        if (to != null && !isOver) {
            to.flush();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        fail("it closed the connection", null);
        FrameWriter to = writer;
        if (to != null) {
            to.release();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        fail(String.valueOf(cause.getMessage()), cause);
    }

    private void fail(String why, @Nullable Throwable cause) {
        if (isOver) {
            return;
        }
        close();
        listener.failed(
                this,
                new MillraceException(
                        ErrorCode.CONNECTION_FAILED,
                        ("Cannot exchange rows with worker=%d: %s (attempt=%s). The query goes on from its checkpoint; "
                                        + "look at that worker's log if this comes again.")
                                .formatted(peer(), why, hello.attempt()),
                        cause));
    }

    /** What comes from the other end. */
    private final class Incoming implements FrameHandler {
        @Override
        public Page pageFor(int channel) {
            return receiver(channel).emptyPage();
        }

        @Override
        public void rows(int channel, PageHeader header, Page page, int recordsBytes) {
            long readNanos = peerClock.local(header.oldestReadNanos(), lastHeardNanos);
            if (!page.adopt(recordsBytes, header.rowCount(), header.inputPartition(), readNanos)) {
                throw Frames.malformed(
                        "page of %d bytes that are not %d rows".formatted(recordsBytes, header.rowCount()));
            }
            receiver(channel).take(new Item.Rows(page));
        }

        @Override
        public void mark(int channel, Item mark) {
            receiver(channel).take(mark);
        }

        @Override
        public void credit(int channel, int items) {
            SendingEnd end = isOpen ? sending.get(channel) : null;
            if (end == null) {
                throw Frames.malformed("credit for channel=%d".formatted(channel));
            }
            end.credit(items);
        }

        @Override
        public void ping(long nanos) {
            writer().pong(nanos, nanoClock.getAsLong());
        }

        @Override
        public void pong(long askedNanos, long peerNanos) {
            peerClock.answered(askedNanos, peerNanos, lastHeardNanos);
        }

        @Override
        public void welcome() {
            if (!connects || isOpen) {
                throw Frames.malformed("welcome that nobody asked for");
            }
            open();
        }

        @Override
        public void refused(String why) {
            fail("it refused the connection: " + why, null);
        }

        private ReceivingEnd receiver(int channel) {
            ReceivingEnd end = isOpen ? receiving.get(channel) : null;
            if (end == null) {
                throw Frames.malformed("item for channel=%d, which does not come here".formatted(channel));
            }
            return end;
        }
    }
}
