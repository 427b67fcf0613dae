/** Benchmarks: what the engine's parts can do (JMH), and how whole engines compare side by side. */
@NullMarked
package dev.millrace.bench;

import org.jspecify.annotations.NullMarked;
