package dev.millrace.engine.graph;

import dev.millrace.engine.network.PeerLink;
import dev.millrace.engine.network.Reception;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.Random;

/**
 * A connection between two workers as a network gives it: what one end sends comes to the other later, in any
 * pieces, in order, until the connection is lost. The handlers are the real ones.
 */
final class SimulatedWire {
    private final EmbeddedChannel near;
    private final EmbeddedChannel far;
    private final ByteBuf toNear = Unpooled.buffer();
    private final ByteBuf toFar = Unpooled.buffer();
    private final Random random;

    /**
     * @param connecting the end that connects
     * @param reception where it connects to
     */
    SimulatedWire(PeerLink connecting, Reception reception, Random random) {
        this.random = random;
        near = new EmbeddedChannel(connecting);
        far = new EmbeddedChannel(reception.greeting());
        near.freezeTime();
        far.freezeTime();
    }

    /** Lets one end send, or something that was sent arrive. */
    void step() {
        if (random.nextBoolean()) {
            move(near, toFar, far);
        } else {
            move(far, toNear, near);
        }
    }

    /** Lets all arrive that is under way; false when there was nothing. */
    boolean stepAll() {
        return moveAll(near, toFar, far) | moveAll(far, toNear, near);
    }

    private static boolean moveAll(EmbeddedChannel from, ByteBuf underWay, EmbeddedChannel to) {
        send(from, underWay);
        boolean moves = underWay.isReadable() && to.isOpen();
        if (moves) {
            to.writeInbound(underWay.readBytes(underWay.readableBytes()));
        }
        return moves;
    }

    private static void send(EmbeddedChannel from, ByteBuf underWay) {
        from.runPendingTasks();
        for (ByteBuf sent = from.readOutbound(); sent != null; sent = from.readOutbound()) {
            underWay.writeBytes(sent);
            sent.release();
        }
    }

    private void move(EmbeddedChannel from, ByteBuf underWay, EmbeddedChannel to) {
        send(from, underWay);
        int sizeBytes = underWay.readableBytes();
        if (sizeBytes > 0 && to.isOpen() && random.nextInt(3) > 0) {
            int arriving = random.nextInt(4) == 0 ? 1 + random.nextInt(sizeBytes) : sizeBytes;
            to.writeInbound(underWay.readBytes(arriving));
            underWay.discardReadBytes();
        } else if (sizeBytes == 0 && !from.isOpen() && to.isOpen()) {
            to.close();
        }
    }

    /** Whether both ends have hung up. */
    boolean isOver() {
        return !near.isOpen() && !far.isOpen();
    }

    /** The connection breaks; what is under way is gone, and one end may learn of it long before the other. */
    void lose() {
        toNear.clear();
        toFar.clear();
        (random.nextBoolean() ? near : far).close();
    }

    /** Gives back what nobody took. */
    void close() {
        near.finishAndReleaseAll();
        far.finishAndReleaseAll();
    }
}
