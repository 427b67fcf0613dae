/**
 * Channels between tasks of two workers, over a connection of Netty's that somebody else has made and
 * secured. Imports exchange, stream, page and error.
 */
@NullMarked
package dev.millrace.engine.network;

import org.jspecify.annotations.NullMarked;
