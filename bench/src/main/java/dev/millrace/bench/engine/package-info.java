/** JMH benchmarks of the engine's parts; {@code bin/bench-jmh} runs them. */
@NullMarked
package dev.millrace.bench.engine;

import org.jspecify.annotations.NullMarked;
