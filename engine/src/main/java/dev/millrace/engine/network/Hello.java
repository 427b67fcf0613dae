package dev.millrace.engine.network;

/**
 * What a connection is for; the worker that connects says it first. A connection is let in only where
 * exactly this one is expected, so nothing that an earlier attempt has left on its way gets into a later one.
 *
 * @param attempt the life of a dataflow that the connection belongs to; no two ever have the same name
 * @param from the worker that connects
 * @param to the worker that is connected to
 */
public record Hello(String attempt, int from, int to) {}
