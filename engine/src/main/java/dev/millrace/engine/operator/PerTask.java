package dev.millrace.engine.operator;

import java.io.Serializable;
import java.util.function.Supplier;

/**
 * Makes what one task alone uses, in the process that runs it. It travels there with the graph, so it holds only
 * what can be serialised.
 *
 * <p>Thread: any; what is made belongs to the calling task.
 */
@FunctionalInterface
public interface PerTask<T> extends Supplier<T>, Serializable {}
