package dev.millrace.engine.network;

import dev.millrace.engine.error.MillraceException;

/**
 * Learns what becomes of a connection.
 *
 * <p>Thread: the connection's event loop; must not block.
 */
public interface LinkListener {
    /** Both ends know each other; items flow. */
    void opened(PeerLink link);

    /** The connection is over, though nobody here has closed it. Called once at most. Errors: CONNECTION_FAILED. */
    void failed(PeerLink link, MillraceException cause);
}
